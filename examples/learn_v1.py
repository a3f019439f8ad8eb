"""Learn the V1-like layer that ships with striate: 64 filters of 11x11, by k-means on whitened patches of photographs.

    python examples/learn_v1.py

Patches of scikit-image's photographs, in grey, lose their mean and are divided by their contrast; whitening takes out
what neighbouring pixels have in common, and k-means on the sphere, where a patch and its negative count as one, sorts
what is left into 64 kinds (Coates and Ng, 2012). Each filter is a kind's middle seen through the whitening, so that one
convolution does both; a ReLU follows, as a simple cell gives no negative answers. NumPy alone, seeded, some seconds.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import skimage.color
import skimage.data
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SHIPPED = Path(__file__).resolve().parents[1] / "src" / "striate" / "data" / "v1.onnx"
PICTURES = ("astronaut", "camera", "chelsea", "coffee", "rocket", "stereo_motorcycle")
FILTERS, SIDE = 64, 11
PATCHES, ROUNDS, SEED = 30_000, 25, 0
LEAST_CONTRAST, DAMPING = 0.03, 0.2
OPSET = 17

Floats = NDArray[np.float64]


def photographs() -> list[Floats]:
    """The photographs in grey, from 0 to 1."""
    found: list[Floats] = []
    for name in PICTURES:
        held: Any = getattr(skimage.data, name)()
        picture = held[0] if isinstance(held, tuple) else held
        grey = skimage.color.rgb2gray(picture) if picture.ndim == 3 else picture / 255
        found.append(np.asarray(grey, np.float64))
    return found


def patches(random: np.random.Generator) -> Floats:
    """Patches from places drawn at random, without their mean, of contrast 1; the flat ones are left out."""
    each = PATCHES // len(PICTURES)
    taken = []
    for picture in photographs():
        windows = np.lib.stride_tricks.sliding_window_view(picture, (SIDE, SIDE))
        rows, columns = (random.integers(0, n, each) for n in windows.shape[:2])
        taken.append(windows[rows, columns].reshape(each, -1))
    found = np.concatenate(taken)
    found -= found.mean(1, keepdims=True)
    contrast = found.std(1, keepdims=True)
    return np.asarray((found / np.maximum(contrast, LEAST_CONTRAST))[contrast[:, 0] > LEAST_CONTRAST])


def whitening(found: Floats) -> Floats:
    """The symmetric matrix that gives every direction about the same variance."""
    values, vectors = np.linalg.eigh(np.cov(found, rowvar=False))
    return np.asarray((vectors / np.sqrt(np.maximum(values, 0) + DAMPING)) @ vectors.T)


def kinds(white: Floats, random: np.random.Generator) -> Floats:
    """The middles of k-means on the sphere, a patch with its negative; one that loses all its patches is drawn anew."""
    middles = random.standard_normal((FILTERS, white.shape[1]))
    for _ in range(ROUNDS):
        middles /= np.linalg.norm(middles, axis=1, keepdims=True)
        likeness = white @ middles.T
        nearest = np.abs(likeness).argmax(1)
        share = np.zeros_like(likeness)
        rows = np.arange(len(white))
        share[rows, nearest] = likeness[rows, nearest]
        empty = ~share.any(0)
        middles = share.T @ white + middles * empty[:, None]
        middles[empty] = random.standard_normal((int(empty.sum()), white.shape[1]))
    return middles


def learn() -> NDArray[np.float32]:
    """The filters, (64, 1, 11, 11), each without a mean and of length 1."""
    random = np.random.default_rng(SEED)
    found = patches(random)
    matrix = whitening(found)
    filters = kinds(found @ matrix, random) @ matrix
    filters -= filters.mean(1, keepdims=True)
    filters /= np.linalg.norm(filters, axis=1, keepdims=True)
    return filters.reshape(FILTERS, 1, SIDE, SIDE).astype(np.float32)


def build_model(filters: NDArray[np.float32]) -> onnx.ModelProto:
    """A convolution with the filters and a ReLU, over a grey picture of any size."""
    nodes = [
        helper.make_node("Conv", ["image", "filters"], ["v1/conv"], "v1/conv"),
        helper.make_node("Relu", ["v1/conv"], ["v1"], "v1"),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", channels, *sizes])
        for name, channels, sizes in (("image", 1, ("H", "W")), ("v1", FILTERS, ("H - 10", "W - 10")))
    ]
    graph = helper.make_graph(nodes, "v1", ends[:1], ends[1:], [numpy_helper.from_array(filters, "filters")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="striate")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Learn the V1-like layer and write it as ONNX.")
    parser.add_argument("out", nargs="?", type=Path, default=SHIPPED, help=f"where to write it (default: {SHIPPED})")
    out = parser.parse_args().out
    out.write_bytes(build_model(learn()).SerializeToString())
    print(f"{out}: {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
