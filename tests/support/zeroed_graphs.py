"""Small ONNX graphs that multiply data which is zero at known places with other data."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from support.onnx_models import model_of

node = helper.make_node

HALVES = np.array([[1.0, 0.0, 1.0, 0.0]], np.float32)
SUMMED = node("Conv", ["x", "w"], ["f"], pads=[0, 0, 1, 1])
WEIGHT = {"w": np.ones((2, 2, 2, 2), np.float32)}
RING = node("Pad", ["s", "pads"], ["z"])
COUNTED = node("Cast", ["none"], ["zero"], to=1)
CUT = [node("Slice", ["x", "one", "end", "three"], ["s"]), RING]
RINGED = {
    "one": np.array([1]), "end": np.array([3]), "three": np.array([3]), "two": np.array([2]),
    "pads": np.array([0, 0, 0, 1, 0, 0, 0, 1]), **WEIGHT,
}  # fmt: skip
TIMES = node("Mul", ["z", "f"], ["y"])
SHAPE = (1, 2, 3, 4)
# Nodes that make z, with zeros that no data changes, of x (1, 2, 3, 4); it is multiplied with f, of all around.
ZEROED: dict[str, tuple[list[onnx.NodeProto], dict[str, object]]] = {
    "masked": ([node("Mul", ["x", "c"], ["z"])], {"c": HALVES}),
    "chosen": ([node("Where", ["c", "x", "nought"], ["z"])], {"c": HALVES > 0, "nought": np.float32(0)}),
    "cut and padded": (CUT, {}),
    "padded with something else": (
        [CUT[0], node("Pad", ["s", "pads", "five"], ["z"])],
        {"five": np.float32(5)},
    ),
    "zeros padded with something else": (
        [node("Mul", ["x", "c"], ["m"]), node("Slice", ["m", "one", "end", "three"], ["s"]),
         node("Pad", ["s", "pads", "five"], ["z"])],
        {"five": np.float32(5), "c": HALVES},
    ),
    "rectified": ([CUT[0], node("Pad", ["s", "pads"], ["p"]), node("Relu", ["p"], ["z"])], {}),
    "a chain": (
        [node("Mul", ["x", "c"], ["a"]), node("Neg", ["a"], ["b"]), node("Abs", ["b"], ["d"]),
         node("Sqrt", ["d"], ["e"]), node("Tanh", ["e"], ["g"]), node("Clip", ["g", "", "six"], ["h"]),
         node("Mul", ["h", "five"], ["z"])],
        {"c": HALVES, "five": np.float32(5), "six": np.float32(6)},
    ),
    "not behind a clip": (
        [node("Mul", ["x", "c"], ["a"]), node("Clip", ["a", "low", ""], ["z"])],
        {"c": HALVES, "low": np.float32(0.5)},
    ),
    "not behind a cosine": ([node("Mul", ["x", "c"], ["a"]), node("Cos", ["a"], ["z"])], {"c": HALVES}),
    "joined with zeros": (
        [CUT[0], COUNTED, node("Concat", ["zero", "s", "zero"], ["z"], axis=3)], {"none": np.zeros((1, 2, 3, 1), int)},
    ),
    "added": (
        [node("Mul", ["x", "c"], ["a"]), CUT[0], node("Pad", ["s", "pads"], ["b"]), node("Add", ["a", "b"], ["q"]),
         node("Identity", ["q"], ["z"])],
        {"c": HALVES},
    ),
    "reshaped": (
        [node("Mul", ["x", "c"], ["a"]), node("Reshape", ["a", "flat"], ["b"]),
         node("Transpose", ["b"], ["d"], perm=[1, 0]), node("Transpose", ["d"], ["e"], perm=[1, 0]),
         node("Reshape", ["e", "whole"], ["z"])],
        {"c": HALVES, "flat": np.array([6, 4]), "whole": np.array([1, 2, 3, 4])},
    ),
    "gathered": (
        [node("Mul", ["x", "c"], ["a"]), node("Gather", ["a", "order"], ["z"], axis=3)],
        {"c": HALVES, "order": np.array([3, 1, 0, 0])},
    ),
    "split": (
        [node("Mul", ["x", "c"], ["a"]), node("Split", ["a", "parts"], ["b", "d"], axis=3),
         node("Concat", ["d", "b"], ["z"], axis=3)],
        {"c": HALVES, "parts": np.array([1, 3])},
    ),
    "summed": (
        [node("Mul", ["x", "c"], ["a"]), node("ReduceSum", ["a", "two"], ["z"], keepdims=1)], {"c": HALVES},
    ),
    "pooled": (
        [node("Mul", ["x", "c"], ["a"]), node("MaxPool", ["a"], ["z"], kernel_shape=[1, 2], pads=[0, 0, 0, 1])],
        {"c": np.array([[1, 0, 0, 0]], np.float32)},
    ),
    "divided": (
        [node("Mul", ["x", "c"], ["a"]), node("Div", ["a", "five"], ["z"])], {"c": HALVES, "five": np.float32(5)},
    ),
    "written into zeros": (
        [CUT[0], COUNTED, node("Transpose", ["s"], ["t"], perm=[3, 0, 1, 2]),
         node("ScatterND", ["zero", "places", "t"], ["u"]), node("Transpose", ["u"], ["z"], perm=[1, 2, 3, 0])],
        {"none": np.zeros((4, 1, 2, 3), int), "places": np.array([[1], [2]])},
    ),
    "spread out": (
        [node("Slice", ["x", "zeroth", "two", "three"], ["s"]),
         node("ConvTranspose", ["s", "tap"], ["z"], strides=[1, 2], output_padding=[0, 1])],
        {"zeroth": np.array([0]), "tap": np.ones((2, 2, 1, 1), np.float32)},
    ),
    "summed up, itself left out": ([node("CumSum", ["x", "two"], ["z"], exclusive=1, reverse=1)], {}),
    "below a diagonal": ([node("Trilu", ["x", "one"], ["z"], upper=1)], {}),
    "convolved with pads alone": (
        [CUT[0], node("Conv", ["s", "tap"], ["z"], pads=[0, 1, 0, 1])], {"tap": np.ones((2, 2, 1, 1), np.float32)},
    ),
}  # fmt: skip


def zeroed(name: str, last: onnx.NodeProto = TIMES) -> onnx.ModelProto:
    """The model of a case, y made of z and f by the last node."""
    made, constants = ZEROED[name]
    return model_of([*made, SUMMED, last], {**RINGED, **constants}, SHAPE)


def small(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model behind a factor that keeps every score small, so that no weight of a softmax underflows."""
    scaled = onnx.ModelProto()
    scaled.CopyFrom(model)
    factor = helper.make_tensor("factor", 1, [], [0.01])
    scaled.graph.initializer.append(factor)
    scaled.graph.input[0].name = "given"
    scaled.graph.node.insert(0, node("Mul", ["given", "factor"], ["x"]))
    scaled.graph.node[0].CopyFrom(node("Mul", ["x", "factor"], ["scaled"]))
    scaled.graph.input[0].name = "x"
    for made in list(scaled.graph.node)[1:]:
        made.input[:] = ["scaled" if name == "x" else name for name in made.input]
    return scaled
