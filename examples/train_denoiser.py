"""Train the small denoiser that ships with striate, or measure the shipped one.

The network is a table of layers, `LAYERS`. PyTorch runs the table to train it and `build_model` writes the
same table as ONNX, so there is one description of the architecture and no exporter in between.

It predicts the noise and subtracts it: Gaussian noise of standard deviation 25/255 on photographs in [0, 1].
The photographs are the ones inside the scikit-image wheel; the three in `HELD_OUT` are never trained on.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import skimage.data
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from scipy.ndimage import gaussian_filter

SHIPPED = Path(__file__).resolve().parents[1] / "src" / "striate" / "data" / "denoiser.onnx"
NOISE_SIGMA = 25 / 255
MULTIPLE = 4
THREADS = 2
PEAK_RATE = 1.5e-3
HELD_OUT = ("chelsea", "coffee", "rocket")
TRAINING = (
    "astronaut",
    "brick",
    "camera",
    "clock",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "immunohistochemistry",
    "moon",
    "retina",
    "stereo_motorcycle",
)

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """One node: an ONNX operator, the values it reads, its attributes, and the shape of its weight if it has one."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    weight: tuple[int, int, int, int] | None = None

    @property
    def fan_in(self) -> int:
        """Number of products summed into one output value."""
        if self.weight is None:
            raise ValueError(f"{self.name} ({self.op}) has no weight, so it has no fan-in")
        outer, inner, height, width = self.weight
        return outer if self.op == "ConvTranspose" else inner * height * width


def conv(name: str, source: str, channels: tuple[int, int], size: int, stride: int = 1, dilation: int = 1) -> Layer:
    """A square convolution with zero padding that keeps the size at stride 1 and halves an even one at stride 2."""
    pad = dilation * (size // 2)
    attributes = {
        "kernel_shape": [size, size],
        "strides": [stride, stride],
        "dilations": [dilation, dilation],
        "pads": [pad] * 4,
    }
    return Layer(name, "Conv", (source,), attributes, (channels[1], channels[0], size, size))


LAYERS = (
    conv("stem/conv", "image", (3, 24), 7),
    Layer("stem/relu", "Relu", ("stem/conv",)),
    conv("enc1/conv", "stem/relu", (24, 24), 3),
    Layer("enc1/relu", "Relu", ("enc1/conv",)),
    conv("down1/conv", "enc1/relu", (24, 48), 3, stride=2),
    Layer("down1/relu", "Relu", ("down1/conv",)),
    conv("enc2/conv", "down1/relu", (48, 48), 3),
    Layer("enc2/relu", "Relu", ("enc2/conv",)),
    conv("down2/conv", "enc2/relu", (48, 56), 3, stride=2),
    Layer("down2/relu", "Relu", ("down2/conv",)),
    conv("mid1/conv", "down2/relu", (56, 56), 3),
    Layer("mid1/relu", "Relu", ("mid1/conv",)),
    Layer("mid1/add", "Add", ("down2/relu", "mid1/relu")),
    conv("mid2/conv", "mid1/add", (56, 56), 3, dilation=2),
    Layer("mid2/relu", "Relu", ("mid2/conv",)),
    Layer("mid2/add", "Add", ("mid1/add", "mid2/relu")),
    conv("mid3/conv", "mid2/add", (56, 56), 3, dilation=4),
    Layer("mid3/relu", "Relu", ("mid3/conv",)),
    Layer("mid3/add", "Add", ("mid2/add", "mid3/relu")),
    Layer(
        "up2/deconv",
        "ConvTranspose",
        ("mid3/add",),
        {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [0, 0, 0, 0]},
        (56, 48, 2, 2),
    ),
    Layer("skip2/add", "Add", ("enc2/relu", "up2/deconv")),
    conv("dec2/conv", "skip2/add", (48, 48), 3),
    Layer("dec2/relu", "Relu", ("dec2/conv",)),
    conv("up1/conv", "dec2/relu", (48, 24), 1),
    Layer(
        "up1/resize",
        "Resize",
        ("up1/conv",),
        {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    ),
    Layer("skip1/add", "Add", ("enc1/relu", "up1/resize")),
    conv("dec1/conv", "skip1/add", (24, 24), 3),
    Layer("dec1/relu", "Relu", ("dec1/conv",)),
    conv("noise/conv", "dec1/relu", (24, 3), 3),
    Layer("denoised", "Sub", ("image", "noise/conv")),
)


def apply(layer: Layer, sources: list[torch.Tensor], weights: dict[str, torch.Tensor]) -> torch.Tensor:
    """Compute one layer in PyTorch."""
    match layer.op:
        case "Conv":
            weight, bias = weights[f"{layer.name}.weight"], weights[f"{layer.name}.bias"]
            stride, dilation, pad = (layer.attributes[key][0] for key in ("strides", "dilations", "pads"))
            return F.conv2d(sources[0], weight, bias, stride, pad, dilation)
        case "ConvTranspose":
            weight, bias = weights[f"{layer.name}.weight"], weights[f"{layer.name}.bias"]
            return F.conv_transpose2d(sources[0], weight, bias, layer.attributes["strides"][0])
        case "Resize":
            return F.interpolate(sources[0], scale_factor=2, mode="nearest")
        case "Relu":
            return F.relu(sources[0])
        case "Add":
            return sources[0] + sources[1]
        case "Sub":
            return sources[0] - sources[1]
    raise ValueError(f"{layer.name}: no PyTorch form for the operator {layer.op}")


def denoise(weights: dict[str, torch.Tensor], image: torch.Tensor) -> torch.Tensor:
    """Run the whole table on a batch (N, 3, H, W); H and W are multiples of `MULTIPLE`."""
    values = {"image": image}
    for layer in LAYERS:
        values[layer.name] = apply(layer, [values[name] for name in layer.inputs], weights)
    return values["denoised"]


def initial_weights(seed: int) -> dict[str, torch.Tensor]:
    """He-normal weights and zero biases; the last layer is zero, so training starts from "there is no noise"."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for layer in LAYERS:
        if layer.weight is None:
            continue
        gain = 0.0 if layer.name == "noise/conv" else math.sqrt(2 / layer.fan_in)
        weight = gain * torch.randn(layer.weight, generator=generator)
        outputs = layer.weight[1] if layer.op == "ConvTranspose" else layer.weight[0]
        weights[f"{layer.name}.weight"] = weight.contiguous(memory_format=torch.channels_last).requires_grad_()
        weights[f"{layer.name}.bias"] = torch.zeros(outputs, requires_grad=True)
    return weights


def photographs(name: str) -> list[Picture]:
    """The pictures behind one scikit-image name, (H, W, 3) in [0, 1]; a grey one has three equal channels."""
    loaded = getattr(skimage.data, name)()
    views = loaded[:2] if isinstance(loaded, tuple) else (loaded,)
    pictures = [np.asarray(view, np.float32) / 255 for view in views]
    return [np.repeat(p[..., None], 3, axis=2) if p.ndim == 2 else p for p in pictures]


def training_pictures() -> list[Picture]:
    """Every training photograph at full and at half size."""
    full = [picture for name in TRAINING for picture in photographs(name)]
    return full + [half_size(picture) for picture in full]


def half_size(picture: Picture) -> Picture:
    """The mean of each 2x2 block; an odd last row or column is dropped."""
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    blocks = picture[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3)
    return blocks.mean(axis=(1, 3), dtype=np.float32)


def batches(pictures: list[Picture], batch: int, size: int, seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Endless (clean, noisy) batches of random crops: turned, mirrored, channels shuffled and tinted."""
    rng = np.random.default_rng(seed)
    while True:
        crops = np.empty((batch, size, size, 3), np.float32)
        for crop in crops:
            picture = pictures[rng.integers(len(pictures))]
            top, left = (rng.integers(extent - size + 1) for extent in picture.shape[:2])
            part = np.rot90(picture[top : top + size, left : left + size], rng.integers(4))
            part = part[:, :: rng.choice((-1, 1))]
            crop[:] = part[..., rng.permutation(3)] * rng.uniform(0.6, 1, 3)
        noise = NOISE_SIGMA * rng.standard_normal(crops.shape, np.float32)
        clean = torch.from_numpy(crops).permute(0, 3, 1, 2)
        yield clean, clean + torch.from_numpy(noise).permute(0, 3, 1, 2)


def train(steps: int, batch: int, size: int, seed: int) -> dict[str, torch.Tensor]:
    """Minimise the mean squared error with Adam under a one-cycle learning rate, printing progress."""
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    weights = initial_weights(seed)
    optimizer = torch.optim.Adam(weights.values(), lr=PEAK_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps, pct_start=0.1)
    source = batches(training_pictures(), batch, size, seed)
    began, errors = time.perf_counter(), []
    every = max(1, steps // 50)
    for step in range(1, steps + 1):
        clean, noisy = next(source)
        loss = F.mse_loss(denoise(weights, noisy), clean)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), 0.1)
        optimizer.step()
        schedule.step()
        errors.append(loss.item())
        if step % every == 0 or step == steps:
            seconds = time.perf_counter() - began
            left = seconds / step * (steps - step)
            decibels = -10 * math.log10(sum(errors) / len(errors))
            done = f"step {step}/{steps}  training PSNR {decibels:.2f} dB"
            print(f"{done}  {seconds:.0f} s, {left:.0f} s left", flush=True)
            errors.clear()
    return {name: weight.detach() for name, weight in weights.items()}


def build_model(weights: dict[str, torch.Tensor], steps: int, seed: int) -> onnx.ModelProto:
    """Write the table and its weights as ONNX, opset 17, with batch, height and width left open."""
    tensors = [numpy_helper.from_array(value.contiguous().numpy(), name) for name, value in weights.items()]
    tensors.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "up1/resize.scales"))
    nodes = []
    for layer in LAYERS:
        inputs = list(layer.inputs)
        if layer.weight is not None:
            inputs += [f"{layer.name}.weight", f"{layer.name}.bias"]
        if layer.op == "Resize":
            inputs += ["", f"{layer.name}.scales"]
        nodes.append(helper.make_node(layer.op, inputs, [layer.name], layer.name, **layer.attributes))
    shape = ["N", 3, "H", "W"]
    graph = helper.make_graph(
        nodes,
        "denoiser",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("denoised", TensorProto.FLOAT, shape)],
        tensors,
        f"RGB in [0, 1], noise of standard deviation 25/255; H and W must be multiples of {MULTIPLE}.",
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="train_denoiser.py"
    )
    helper.set_model_props(model, {"steps": str(steps), "seed": str(seed)})
    onnx.checker.check_model(model, full_check=True)
    return model


def open_session(model: Path | bytes) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def run_model(session: onnxruntime.InferenceSession, picture: Picture) -> Picture:
    """Denoise one (H, W, 3) picture whose H and W are multiples of `MULTIPLE`."""
    image = np.ascontiguousarray(picture.transpose(2, 0, 1)[None])
    return session.run(["denoised"], {"image": image})[0][0].transpose(1, 2, 0)


def exported_difference(weights: dict[str, torch.Tensor], model: onnx.ModelProto) -> float:
    """Largest absolute difference between PyTorch and ONNX Runtime on a noisy 180 x 228 part of a photograph."""
    _, noisy = held_out_pair("chelsea")
    part = noisy[60:240, 100:328]
    with torch.inference_mode():
        ours = denoise(weights, torch.from_numpy(part).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    return float(np.abs(ours - run_model(open_session(model.SerializeToString()), part)).max())


def held_out_pair(name: str) -> tuple[Picture, Picture]:
    """One held-out photograph, cut at the right and bottom to a multiple of `MULTIPLE`, clean and with seeded noise."""
    (picture,) = photographs(name)
    height, width = (extent // MULTIPLE * MULTIPLE for extent in picture.shape[:2])
    clean = picture[:height, :width]
    rng = np.random.default_rng(HELD_OUT.index(name))
    return clean, clean + NOISE_SIGMA * rng.standard_normal(clean.shape, np.float32)


def psnr(clean: Picture, other: Picture) -> float:
    """Peak signal-to-noise ratio in dB for a peak of 1; nothing is clipped."""
    return -10 * math.log10(float(np.mean((clean - other) ** 2, dtype=np.float64)))


def best_gaussian(clean: Picture, noisy: Picture) -> tuple[float, float]:
    """(PSNR, sigma) of the Gaussian filter that comes closest to the clean picture, sigma in 0.30, 0.35, ..., 3.00."""
    sigmas = [step / 20 for step in range(6, 61)]
    return max((psnr(clean, gaussian_filter(noisy, (sigma, sigma, 0))), sigma) for sigma in sigmas)


def evaluate(path: Path) -> None:
    """Print the PSNR table of the held-out photographs, as Markdown."""
    session = open_session(path)
    print("| photograph | size | noisy | best Gaussian filter | network | gain |")
    print("|---|---|---|---|---|---|")
    for name in HELD_OUT:
        clean, noisy = held_out_pair(name)
        blurred, sigma = best_gaussian(clean, noisy)
        denoised = psnr(clean, run_model(session, noisy))
        size = f"{clean.shape[0]} x {clean.shape[1]}"
        print(
            f"| {name} | {size} | {psnr(clean, noisy):.2f} dB | {blurred:.2f} dB (sigma {sigma:.2f}) "
            f"| {denoised:.2f} dB | {denoised - blurred:.2f} dB |"
        )


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Train the denoiser that ships with striate, or measure the shipped one.",
        epilog="example: python examples/train_denoiser.py --steps 2000 --seed 1 --out mine.onnx",
    )
    parser.add_argument("--steps", type=int, default=5500, help="training steps (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights, crops and noise (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("denoiser.onnx"), help="file to write (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="20 steps on small crops: a trial run, not a denoiser")
    parser.add_argument(
        "--evaluate",
        type=Path,
        nargs="?",
        const=SHIPPED,
        metavar="MODEL",
        help="do not train; print the PSNR of MODEL on the held-out photographs (default: the shipped file)",
    )
    options = parser.parse_args(arguments)
    if options.steps < 20:
        parser.error(f"--steps {options.steps}: the learning-rate schedule needs at least 20")
    if not options.out.parent.is_dir():
        parser.error(f"--out {options.out}: there is no folder {options.out.parent}; make it first")
    return options


def main(arguments: list[str] | None = None) -> None:
    """Train and write a model, or measure one."""
    options = parse_arguments(arguments)
    if options.evaluate is not None:
        evaluate(options.evaluate)
        return
    steps, batch, size = (20, 4, 48) if options.quick else (options.steps, 8, 96)
    weights = train(steps, batch, size, options.seed)
    model = build_model(weights, steps, options.seed)
    print(f"PyTorch and ONNX Runtime differ by at most {exported_difference(weights, model):.1e}")
    onnx.save(model, options.out)
    print(f"wrote {options.out} ({options.out.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
