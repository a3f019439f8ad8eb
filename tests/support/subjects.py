"""Every public function, method and command that takes a caller's values, with sound draws of its arguments."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from operator import index
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import onnx
import torch
from click.testing import CliRunner
from matplotlib import pyplot
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import striate
import striate.torch
from striate import conv, geometry, show
from striate.cli import app
from striate.crop import crop
from striate.explore import feature_maps, hierarchy, sharing, strongest
from support import oracles
from support.odd import LEFT_OUT, Draw, RefusalError, Subject, array, pick

WEIGHTS = array((3, 2, 3, 3), (2, 2, 1, 1), (4, 2, 2, 3))
STEPS: Mapping[str, Draw] = {
    "stride": pick(LEFT_OUT, 1, 2, (1, 2), [2, 1], np.int64(2)),
    "padding": pick(LEFT_OUT, 0, 1, (1, 0), ((1, 0), (0, 1)), "valid", "same_upper", "same_lower"),
    "dilation": pick(LEFT_OUT, 1, 2, (1, 2)),
    "groups": pick(LEFT_OUT, 1, np.int64(1)),
}
MODE = pick(LEFT_OUT, "zeros", "reflect", "replicate", "circular")
ALGORITHM = pick(LEFT_OUT, "auto", "reference", "matrix", "direct")
ACTIVATION = pick(LEFT_OUT, None, "relu", "relu6")
IMAGES = array((1, 2, 6, 7), (2, 2, 5, 6), (2, 6, 6))


@lru_cache
def folder() -> Path:
    """A folder with models and pictures, sound and broken."""
    place = Path(mkdtemp(prefix="guard"))
    (place / "drawn").mkdir()
    weights = [
        numpy_helper.from_array(np.ones(s, np.float32), n) for n, s in (("w1", (4, 3, 3, 3)), ("w2", (4, 4, 3, 3)))
    ]
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], "first", pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["a", "w2"], ["b"], "second", pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["b"], ["y"], "last"),
    ]
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "h", "w"])]
    graph = helper.make_graph(
        nodes, "small", ends, [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], weights
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), place / "small.onnx"
    )
    (place / "torn.onnx").write_bytes((place / "small.onnx").read_bytes()[:200])
    (place / "empty.onnx").write_bytes(b"")
    rng = np.random.default_rng(0)
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I", "F", "I;16"):
        numbers = rng.integers(0, 256, (9, 11, 3), dtype=np.uint8)
        picture = Image.fromarray(numbers)
        if mode == "F":
            picture = Image.fromarray(rng.random((9, 11), np.float32))
        elif mode == "I;16":
            picture = Image.fromarray(rng.integers(0, 65536, (9, 11)).astype(np.uint16))
        elif mode == "LAB":
            picture = Image.frombytes("LAB", (11, 9), numbers.tobytes())
        else:
            picture = picture.convert(mode)
        picture.save(place / f"{mode.replace(';', '_')}.tiff")
    Image.fromarray(rng.integers(0, 256, (9, 11, 3), dtype=np.uint8)).save(place / "photo.png")
    (place / "torn.png").write_bytes((place / "photo.png").read_bytes()[:60])
    (place / "words.png").write_text("no picture")
    return place


@lru_cache
def network() -> striate.LoadedModel:
    """The small model at 16x16."""
    return striate.load(folder() / "small.onnx", (1, 3, 16, 16))


def pictures(rng: random.Random) -> Any:
    path = rng.choice(sorted(p for p in folder().iterdir() if p.suffix in (".png", ".tiff")))
    return rng.choice((path, str(path), io.BytesIO(path.read_bytes())))


def models(rng: random.Random) -> Any:
    return rng.choice((folder() / "small.onnx", str(folder() / "small.onnx"), folder() / "torn.onnx", "nowhere.onnx"))


def read_right(a: Mapping[str, Any], answer: Any) -> None:
    """Judge of ``read_image``: Pillow's own pixels, scaled by the mode's greatest value."""
    assert answer.dtype == np.float32, answer.dtype
    assert answer.ndim == 3, answer.shape
    assert answer.shape[0] in (1, 3, 4), answer.shape
    assert np.isfinite(answer).all(), answer
    assert answer.min() >= 0, answer.min()
    assert answer.max() <= 1, answer.max()
    assert answer.max() > 0.3, "darker than the picture"


def layer_call(x: Any, weight: Any, bias: Any = None, **more: Any) -> Any:
    """A layer made for a weight, given it, and called."""
    groups = more.get("groups", 1)
    shape: tuple[Any, ...] = getattr(weight, "shape", ())
    channels, kernels, kernel = (shape[1], shape[0], shape[2:]) if len(shape) == 4 else (2, 3, 3)
    made = conv.Conv2d(channels * groups if isinstance(groups, int) else channels, kernels, kernel, **more)
    made.weight = weight
    made.bias = bias
    return made(x)


def seen(a: Mapping[str, Any], answer: Any) -> None:
    """Judge of a region of the small model: the two convolutions enumerated."""
    if a["layer"] not in ("first", "second", "last", "a", "b", "y", "x"):
        raise RefusalError("no such layer")
    *lead, y, x = (index(i) for i in a["at"])
    if any(not 0 <= i < size for i, size in zip(lead[::-1], (3 if a["layer"] == "x" else 4, 1), strict=False)):
        raise RefusalError("outside")
    step, reach = {"x": (1, 0), "first": (1, 1), "a": (1, 1)}.get(a["layer"], (2, 2))
    if not (0 <= y < 16 // step and 0 <= x < 16 // step):
        raise RefusalError("outside")
    if a.get("channel") is not None and not 0 <= a["channel"] < (3 if a["layer"] == "x" else 4):
        raise RefusalError("no such channel")
    for side, u in zip(answer.hull, (y, x), strict=True):
        assert (side.start, side.stop) == (max(u * step - reach, 0), min(u * step + reach + 1, 16)), (side, u)


def at_size(a: Mapping[str, Any], answer: Any) -> None:
    """Judge of the small model read at some shape: its last convolution halves the image."""
    shape = a["shapes"]
    while not isinstance(shape[0] if isinstance(shape, Sequence) else shape, int):
        shape = shape.get("x", (1, 3, 16, 16)) if isinstance(shape, Mapping) else shape[0]
    n, c, *spatial = shape
    if c != 3:
        raise RefusalError("the weights read three channels")
    assert answer.shapes["y"] == (n, 4, *((size + 1) // 2 for size in spatial)), answer.shapes
    assert answer.shapes["x"] == tuple(shape), answer.shapes


def reached(a: Mapping[str, Any], answer: Any) -> None:
    """Judge of a reach: the regions that hold the pixel."""
    if a["layer"] not in ("second", "last", "b", "y"):
        return
    for side, u in zip(answer.box, a["at"], strict=True):
        right = [k for k in range(8) if 2 * k - 2 <= u < 2 * k + 3]
        assert (side.start, side.stop) == (right[0], right[-1] + 1)


def windowed(a: Mapping[str, Any], answer: Any) -> None:
    """Judge of a window's output size: windows counted one by one."""
    w, n = striate.Window(2, 2, 3, 1, 0), a["n"]
    if n > 10**6:
        return
    room = n + w.pad_before + w.pad_after
    fits = [s for s in range(0, max(room, 0), w.stride) if s + w.extent <= room]
    assert answer == len(fits) or w.ceil, (answer, len(fits))


def method(owner: Any, name: str) -> Any:
    """A method by its name, looked up when called."""
    return lambda **arguments: getattr(owner(), name)(**arguments)


def plot(**arguments: Any) -> str:
    """What stands over a plot of a region, whose figure is closed again."""
    try:
        return network().region("last", (3, 3)).plot(**arguments).get_title()
    finally:
        pyplot.close("all")


CONVOLUTIONS = [
    Subject(
        "conv2d",
        conv.conv2d,
        {
            "x": IMAGES,
            "weight": WEIGHTS,
            "bias": pick(LEFT_OUT, None),
            **STEPS,
            "padding_mode": MODE,
            "algorithm": ALGORITHM,
            "activation": ACTIVATION,
            "accuracy": pick(LEFT_OUT, "normal", "strict"),
        },
        oracles.conv2d,
    ),
    Subject(
        "conv1d",
        conv.conv1d,
        {
            "x": array((1, 2, 9), (2, 8)),
            "weight": array((3, 2, 3), (2, 2, 1)),
            "stride": pick(LEFT_OUT, 1, 2, (2,)),
            "padding": pick(LEFT_OUT, 0, 1, (2,), "same_upper", np.int64(1)),
            "dilation": pick(LEFT_OUT, 1, 2),
            "groups": pick(LEFT_OUT, 1),
            "padding_mode": MODE,
            "algorithm": ALGORITHM,
            "activation": ACTIVATION,
        },
        oracles.conv1d,
    ),
    Subject(
        "conv_transpose2d",
        conv.conv_transpose2d,
        {
            "x": IMAGES,
            "weight": array((2, 3, 3, 3), (2, 1, 2, 2)),
            "stride": pick(LEFT_OUT, 1, 2, (2, 1)),
            "padding": pick(LEFT_OUT, 0, 1),
            "output_padding": pick(LEFT_OUT, 0),
            "dilation": pick(LEFT_OUT, 1, 2),
        },
        oracles.transposed,
    ),
    Subject(
        "Conv2d",
        layer_call,
        {
            "x": IMAGES,
            "weight": array((3, 2, 3, 3), (2, 2, 1, 1)),
            "bias": pick(LEFT_OUT, None),
            **STEPS,
            "padding_mode": MODE,
            "algorithm": ALGORITHM,
            "activation": ACTIVATION,
        },
        oracles.layer,
    ),
    Subject(
        "explain",
        conv.explain,
        {
            "x": array((1, 2, 6, 7), (2, 6, 6)),
            "weight": array((3, 2, 3, 3)),
            **STEPS,
            "at": pick((0, 0, 0), (2, 1, 1), [1, 0, 1]),
        },
        oracles.explain,
    ),
    Subject(
        "Explanation.lines",
        conv.explain(np.ones((1, 3, 3)), np.ones((1, 1, 3, 3)), at=(0, 0, 0)).lines,
        {"lang": pick(LEFT_OUT, "en", "zh"), "most": pick(LEFT_OUT, None, 1, 3)},
    ),
    Subject("conv2d_bias_grad", conv.conv2d_bias_grad, {"grad": array((2, 3, 4, 5), (3, 4, 4))}),
    Subject(
        "conv2d_weight_grad",
        conv.conv2d_weight_grad,
        {
            "x": array((1, 2, 6, 6)),
            "weight_size": pick((3, 2, 3, 3), [3, 2, 3, 3]),
            "grad": array((1, 3, 4, 4)),
            **STEPS,
            "accuracy": pick(LEFT_OUT, "strict"),
        },
    ),
    Subject(
        "conv2d_input_grad",
        conv.conv2d_input_grad,
        {
            "input_size": pick((1, 2, 6, 6), [2, 6, 6]),
            "weight": array((3, 2, 3, 3)),
            "grad": array((1, 3, 4, 4)),
            **STEPS,
        },
    ),
    Subject(
        "conv_matrix",
        conv.conv_matrix,
        {"weight": WEIGHTS, "input_size": pick((6, 7), 6), **STEPS, "padding_mode": MODE},
    ),
    Subject(
        "plan_conv",
        conv.plan_conv,
        {
            "input_shape": pick((1, 2, 6, 7), [1, 2, 6, 7]),
            "weight_shape": pick((3, 2, 3, 3)),
            **STEPS,
            "dtype": pick(LEFT_OUT, np.float32, "float64"),
            "algorithm": ALGORITHM,
        },
    ),
    Subject("read_image", conv.read_image, {"source": pictures}, read_right, 1),
]

PLACES = {
    "layer": pick("first", "second", "last"),
    "at": pick((0, 0), (3, 5), (7, 7), [1, 2]),
    "channel": pick(LEFT_OUT, None, 0, 3),
}


def settled(set_it: Callable[[Any], None], value: Any, before: Any) -> None:
    """A setting of the process, put back at once."""
    try:
        set_it(value)
    finally:
        set_it(before)


def module(rng: random.Random) -> Any:
    """Two convolutions in torch."""
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Conv2d(4, 2, 3, stride=2))


PLAN = conv.plan_conv((1, 2, 6, 7), (3, 2, 3, 3)).to_json()
SETTINGS = [
    Subject("set_threads", lambda count: settled(conv.set_threads, count, 0), {"count": pick(0, 1, 2)}),
    Subject("set_cache", lambda folder: settled(conv.set_cache, folder, None), {"folder": pick(False, None)}),
    Subject(
        "set_cache_limit", lambda limit: settled(conv.set_cache_limit, limit, None), {"limit": pick(0, 2**28, None)}
    ),
    Subject("accelerate", striate.torch.accelerate, {"model": module, "example": pick(LEFT_OUT, None)}),
    Subject("repack", striate.torch.repack, {"model": module}),
    Subject(
        "effective_field_gradient",
        striate.effective_field_gradient,
        {
            "module": module,
            "layer": pick("0", "2"),
            "input_shape": pick((1, 3, 9, 9), [1, 3, 8, 9]),
            "at": pick(LEFT_OUT, None, (1, 1)),
            "seed": pick(0, 3),
            "fields": pick(LEFT_OUT, None),
        },
    ),
    Subject("ConvPlan.from_json", conv.ConvPlan.from_json, {"text": pick(PLAN)}),
]

QUESTIONS = [
    Subject(
        "feature_maps",
        feature_maps,
        {
            "model": models,
            "layer": pick("first", "last"),
            "picture": pick(np.ones((1, 3, 16, 16), np.float32), folder() / "photo.png"),
            "input_shape": pick((1, 3, 16, 16)),
            "fit": pick(LEFT_OUT, "pad"),
            "white": pick(LEFT_OUT, 2, (1, 2, 3)),
        },
    ),
    Subject(
        "strongest",
        strongest,
        {
            "model": models,
            "layer": pick("first", "last"),
            "pictures": pick(folder(), [np.ones((1, 3, 16, 16), np.float32)], str(folder() / "photo.png")),
            "input_shape": pick((1, 3, 16, 16)),
            "count": pick(LEFT_OUT, 1, 3),
            "per_picture": pick(LEFT_OUT, 2),
            "whole_fields_only": pick(LEFT_OUT, True),
            "fit": pick(LEFT_OUT, "crop", "pad", "refuse"),
            "black": pick(LEFT_OUT, -1, (0, 0, 1)),
        },
    ),
    Subject(
        "hierarchy",
        hierarchy,
        {
            "model": models,
            "pictures": pick([np.ones((1, 3, 16, 16), np.float32)], folder() / "photo.png"),
            "layers": pick(("first",), ["second", "first"]),
            "input_shape": pick((1, 3, 16, 16)),
            "count": pick(LEFT_OUT, 2),
            "angles": pick(3, 4),
            "phases": pick(3, 4),
            "control": pick(LEFT_OUT, False),
        },
    ),
    Subject(
        "sharing",
        sharing,
        {
            "model": models,
            "layer": pick(LEFT_OUT, None, "first", "second"),
            "input_shape": pick((1, 3, 16, 16)),
            "shift": pick(LEFT_OUT, False),
            "picture": pick(LEFT_OUT, np.ones((1, 3, 16, 16), np.float32)),
        },
    ),
    Subject(
        "load",
        lambda **a: striate.load(**a).name,
        {
            "model": models,
            "input_shape": pick((1, 3, 16, 16), [1, 3, 8, 9], {"x": (1, 3, 8, 8)}, None),
            "unknown": pick("refuse", "whole", LEFT_OUT),
        },
    ),
    Subject(
        "Model",
        lambda **a: striate.Model(**a).network,
        {
            "source": models,
            "shapes": pick((1, 3, 16, 16), [1, 3, 8, 9], {"x": (1, 3, 8, 8)}, [(1, 3, 9, 9)], None),
            "unknown": pick("refuse", "whole", LEFT_OUT),
        },
        at_size,
    ),
    Subject("Network.from_json", striate.Network.from_json, {"text": lambda rng: network().network.to_json()}),
    Subject(
        "Model.at",
        lambda shapes: striate.Model(folder() / "small.onnx", (1, 3, 16, 16)).at(shapes).network,
        {"shapes": pick((1, 3, 16, 16), [1, 3, 8, 9], {"x": (1, 3, 8, 8)}, [(1, 3, 9, 9)])},
        at_size,
    ),
    Subject(
        "LoadedModel.fields",
        method(network, "fields"),
        {"source": pick(LEFT_OUT, None, "x"), "layout": pick(LEFT_OUT, None, "NCHW")},
    ),
    Subject("LoadedModel.region", method(network, "region"), PLACES, seen),
    Subject(
        "LoadedModel.reach",
        method(network, "reach"),
        {"layer": pick("second", "last"), "at": pick((0, 0), (3, 15), [8, 9]), "channel": pick(LEFT_OUT, None, 2)},
        reached,
    ),
    Subject("LoadedModel.borders", method(network, "borders"), {"layer": pick("first", "last")}),
    Subject("LoadedModel.effective", method(network, "effective"), {**PLACES, "at": pick(LEFT_OUT, None, (3, 3))}),
    Subject(
        "LoadedModel.sweep",
        method(network, "sweep"),
        {"layer": pick("last"), "sizes": pick([16, 17], (16, (18, 20)))},
        changes=1,
    ),
    Subject("LoadedModel.compare", method(network, "compare"), {"other": lambda rng: network()}),
    Subject("Region.plot", plot, {"ax": pick(LEFT_OUT, None)}),
    Subject("Fields[]", lambda layer: network().fields()[layer], {"layer": pick("first", "last", "x")}),
    Subject(
        "Fields.hull",
        lambda **a: network().fields().hull(**a),
        PLACES,
        lambda a, answer: seen(a, type("R", (), {"hull": answer})),
    ),
]

CORNER = geometry.Box("0:1,0:1,0:2,0:2")

GEOMETRY = [
    Subject("Interval", striate.Interval, {"start": pick(-1, 0, 3), "stop": pick(3, 9, 2**62)}),
    Subject("Interval.above", striate.Interval.above, {"start": pick(-1, 0, 2**70)}),
    Subject("Interval.below", striate.Interval.below, {"stop": pick(-1, 0, 2**70)}),
    Subject("Interval.contains", striate.Interval(0, 4).contains, {"other": pick(striate.Interval(1, 2))}),
    Subject("Interval.shift", striate.Interval(0, 4).shift, {"offset": pick(-3, 0, 5)}),
    Subject("Interval.clip", striate.Interval(0, 4).clip, {"bounds": pick(striate.Interval(1, 2))}),
    Subject("Interval.hull", striate.Interval(0, 4).hull, {"other": pick(striate.Interval(1, 2))}),
    Subject("Interval.of", striate.Interval.of, {"indices": pick([1, 2], (3,), range(2), [])}),
    Subject("Box", geometry.Box, {"intervals": pick([striate.Interval(1, 2)], "0:4,2:7", ())}),
    Subject("Box.parse", geometry.Box.parse, {"spelling": pick("0:4,2:7", ":,3", "")}),
    Subject("Box.whole", geometry.Box.whole, {"shape": pick((1, 2), [])}),
    Subject("Box.at", geometry.Box.at, {"index": pick((1, 2), [])}),
    *(
        Subject(f"Box.{name}", getattr(geometry.Box("0:4,2:7"), name), {word: pick(geometry.Box("1:2,3:5"))})
        for name, word in (("hull", "other"), ("clip", "bounds"), ("contains", "other"), ("within", "outer"))
    ),
    Subject("Box.shift", geometry.Box("0:4,2:7").shift, {"offsets": pick((1, 2), [0, -3])}),
    Subject(
        "crop",
        crop,
        {
            "network": lambda rng: network().fields().network,
            "wanted": pick({"first": CORNER}, {"x": CORNER}, {"last": CORNER}),
        },
    ),
    Subject(
        "LoadedModel.crop",
        lambda wanted: network().crop(wanted),
        {"wanted": pick({"last": "0:4,2"}, {"x": CORNER})},
    ),
    Subject(
        "ModelCrop.save",
        lambda path: network().crop({"last": "0:4,2"}).save(path),
        {"path": lambda rng: folder() / "drawn" / "part.onnx"},
    ),
    Subject(
        "ModelCrop.run",
        lambda feeds, layers: network().crop({"last": "0:4,2"}).run(feeds, layers),
        {"feeds": lambda rng: {"x": np.zeros((1, 3, 9, 5), np.float32)}, "layers": pick([], ["last"], ["first"])},
    ),
    Subject(
        "Window",
        striate.Window,
        {
            "size": pick(1, 3),
            "stride": pick(1, 2),
            "dilation": pick(1, 2),
            "pad_before": pick(0, 1, -1),
            "pad_after": pick(0, 2),
            "ceil": pick(False, True),
        },
    ),
    Subject(
        "Window.output_size",
        striate.Window(2, 2, 3, 1, 0).output_size,
        {"n": pick(1, 5, 9)},
        windowed,
    ),
    Subject("Window.reads", striate.Window(3, 2).reads, {"i": pick(0, -2, 5)}),
    Subject(
        "Window.needs", striate.Window(3, 2).needs, {"units": pick(striate.Interval(0, 3), striate.Interval.UNBOUNDED)}
    ),
    Subject(
        "TapMap.needs",
        geometry.window_map(striate.Window(3, 2), 9).needs,
        {"units": pick(striate.Interval(0, 3), striate.Interval.UNBOUNDED)},
    ),
    Subject("Window.never_read", striate.Window(1, 2).never_read, {"n": pick(1, 6)}, changes=0),
    Subject(
        "resolve_padding",
        geometry.resolve_padding,
        {
            "convention": pick(*geometry.Convention, geometry.Explicit(1, 2), geometry.CaffeCeil(1)),
            "n": pick(4, 9),
            "size": pick(1, 3),
            "stride": pick(1, 2),
            "dilation": pick(1, 2),
        },
    ),
    Subject(
        "output_sizes",
        show.output_sizes,
        {"n": pick(4, 9), "kernel": pick(1, 3), "stride": pick(1, 2), "dilation": pick(1, 2), "padding": pick(0, 1)},
    ),
    Subject("parse_pixel_size", show.parse_pixel_size, {"text": pick("0.25um", "2 nm", "1mm")}),
    Subject("parse_rate", show.parse_rate, {"text": pick("16kHz", "1 Hz")}),
]

WORDS = (
    *[
        "-",
        "--",
        "-1",
        "0",
        "1",
        "3",
        "99999999999999999999",
        "1x3x16x16",
        "x=1x3x16x16",
        "1x3x0x16",
        "1x3x16",
        "3,3",
        "1,2,3",
        "last",
        "LAST",
        "layer*",
        "*",
    ],
    *[
        "NCHW",
        "NHWC",
        "QQ",
        "图",
        "1e9",
        "nan",
        "0.25um",
        "16kHz",
        "16:18",
        "18:16",
        "whole",
        "json",
        "html",
        "/",
        ".",
        "nowhere.onnx",
        "os:system",
        "$(id)",
    ],
    *("", "a\nb", "torchvision.models:nothing", "a" * 300),
)


def command() -> Any:
    """One command of the command line as a callable of its words."""

    def call(**arguments: Any) -> str:
        done = CliRunner().invoke(app, [str(arguments[key]) for key in sorted(arguments)])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code in (0, 1, 2, 3, 4, 5), done.exit_code
        if done.exit_code not in (0, 1):
            assert done.stderr.strip(), "an error without a word"
            assert "Traceback" not in done.stderr
            raise striate.StriateError(done.stderr.strip().splitlines()[-1])
        assert done.stdout or done.stderr
        return done.stdout

    return call


def worded(*words: Any) -> Subject:
    """A command with its sound words, any of which may become another."""
    sound = {f"{k:02}": pick(word) for k, word in enumerate(words)}
    return Subject(str(words[0]), command(), sound, odd=tuple(partial(str, word) for word in WORDS))


def commands() -> Sequence[Subject]:
    """Every command once or twice."""
    model, photo = folder() / "small.onnx", folder() / "photo.png"
    shape = ("--input", "1x3x16x16")
    return [
        worded("fields", model, *shape),
        worded("fields", model, *shape, "--format", "json", "--layer", "last"),
        worded("fields", model, *shape, "--format", "html", "--lang", "zh"),
        worded("fields", model, *shape, "--only", "relu", "--columns", "layer,size,stride"),
        worded("region", model, "last", "3,3", *shape, "--counts"),
        worded("region", model, "last", "3,3", *shape, "--image", photo, "--out", folder() / "drawn" / "field.png"),
        worded("reach", model, "last", "3,3", *shape, "--json"),
        worded("sweep", model, "last", "16:18", *shape),
        worded("compare", model, model, *shape),
        worded("check", model, *shape),
        worded("check", model, *shape, "--layer", "last", "--unit", "3,3", "--local", "--json"),
        worded("crop", model, "last", "1:3,2:5", *shape, "--out", folder() / "drawn" / "part.onnx"),
        worded("crop", model, "first", "3,3", *shape, "--json"),
        worded("size", "4", "--kernel", "3", "--stride", "2"),
        worded("explain", "4x4", "--kernel", "mean", "--matrix", "--lang", "zh"),
        worded("explain", model, "first", "3,3", *shape, "--image", photo, "--json"),
        worded("features", model, "first", "--image", photo, *shape, "--out", folder() / "drawn" / "maps.png"),
        worded("strongest", model, "first", photo, *shape, "--count", "2", "--out", folder() / "drawn" / "patches.png"),
        worded("hierarchy", model, *shape, "--image", photo, "--layer", "first", "--no-control"),
        worded("sharing", model, "second", *shape),
        worded("tuning", model, "first", *shape, "--angles", "4", "--phases", "4", "--no-control"),
    ]


FUNCTIONS = (*CONVOLUTIONS, *SETTINGS, *QUESTIONS, *GEOMETRY)
