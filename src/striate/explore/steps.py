"""One output of a convolution layer of a network on a real picture, taken apart, beside the runtime's own number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from striate.conv.explanation import Explanation, explain
from striate.errors import InputError, UnsupportedError
from striate.explore.product import Product
from striate.explore.running import Source, opened, runner_of
from striate.formats.keras.file import KerasModel
from striate.formats.keras.weights import weight_values as keras_values
from striate.formats.model import Model
from striate.formats.onnx.file import OnnxBytes, OnnxFile
from striate.formats.shapes import InputShape
from striate.formats.tflite.file import TfliteModel
from striate.formats.tflite.weights import weight_values
from striate.formats.torch.module import TorchModule
from striate.geometry.axis_map import Border
from striate.network import Network, Node, Weight
from striate.network.operators import Conv, Elementwise, Transpose
from striate.network.relation import Shape
from striate.run import Runner
from striate.values import integer, integers

Array = NDArray[Any]
NAMED = 3
MODES = {Border.ZERO: "zeros", Border.REFLECT: "reflect", Border.REPLICATE: "replicate", Border.CIRCULAR: "circular"}


@dataclass(frozen=True, eq=False)
class Step:
    """How one output of ``layer`` came about; ``print`` it.

    ``explanation`` has the window, the kernel, their products, the sum of each channel, the bias and the value;
    ``runtime`` is what the runtime, ``by``, gave there; None where it shows that behind an activation alone, which it
    computes in the same operation. ``after`` names the operators of single elements that
    follow, such as a batch normalisation and an activation, each with its function and the value that it gives at the
    same place. ``product`` is the output as an entry of a product of matrices.
    """

    layer: str
    explanation: Explanation
    runtime: float | None
    by: str
    product: Product
    after: tuple[tuple[str, str, float], ...]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self, lang: Literal["en", "zh"] = "en", most: int | None = None, *, matrix: bool = False) -> list[str]:
        """What ``print`` shows, in English or Chinese; of many channels the ``most`` with the largest sums.

        With ``matrix`` also the same as a product of matrices.
        """
        *told, counts = self.explanation.lines(lang, most)
        words = _WORDS[lang]
        given = "unseen" if self.runtime is None else "runtime"
        told.append(words[given].format(by=self.by, value=self.runtime))
        told += [words["after"].format(name=n, function=f, value=v) for n, f, v in self.after]
        told += self.product.lines(lang) if matrix else []
        return [*told, counts]


_WORDS = {
    "en": {
        "runtime": "{by} gives {value:.6g}",
        "unseen": "{by} computes this and what follows in one, and shows the end",
        "after": "then {name} ({function}): {value:.6g}",
    },
    "zh": {
        "runtime": "{by} 给出 {value:.6g}",
        "unseen": "{by} 将它与后续运算合并计算，只给出最后的值",
        "after": "随后 {name}（{function}）：{value:.6g}",
    },
}


def step(
    model: Source, layer: str, at: Sequence[int], image: Array, channel: int = 0, input_shape: InputShape = None
) -> Step:
    """Take apart the output of ``channel`` at ``at`` = (y, x) of a convolution layer, on ``image``.

    ``image`` has the shape of the network's input, in the numbers that it takes. Raises InputError for a layer that is
    no convolution of two axes or whose input the runtime does not show, a place outside it and a picture of another
    shape; UnsupportedError where the model holds the layer's weights in a form that is not read.

    >>> from importlib.resources import files
    >>> picture = np.random.default_rng(0).random((1, 3, 16, 16))
    >>> found = step(files("striate") / "data" / "denoiser.onnx", "stem/conv", (4, 5), picture, 2, (1, 3, 16, 16))
    >>> found.explanation.window.shape, bool(abs(found.runtime - found.explanation.value) < 1e-5)
    ((3, 7, 7), True)
    """
    held = opened(model, input_shape)
    network = held.network
    if len(network.inputs) != 1:
        raise InputError(f"{network.name} has inputs {', '.join(network.inputs)}; a step takes a model of one")
    node = _convolution(network, layer)
    conv, place = node.op, integers("at", at)
    assert isinstance(conv, Conv)
    channel = integer("channel", channel, 0)
    _inside(layer, network.shapes[node.outputs[0]], channel, place)
    weights = _weights(held, node)
    following = _following(network, node)
    runner = runner_of(held)
    chain = [node.outputs[0], *(tensor for tensor, _, _ in following)]
    values = _values(runner, held, image, node, chain)
    read = values[node.inputs[0]].astype(weights["weight"].dtype)
    explanation = explain(
        read, weights["weight"], weights.get("bias"), conv.stride, conv.padding, conv.dilation,
        conv.groups, padding_mode=MODES[conv.border], at=(channel, place[0], place[1]),
    )  # fmt: skip
    k, y, x = explanation.at
    given = {name: float(value[0, k, y, x]) for name, value in values.items() if name in chain}
    after = tuple((name, function, given[tensor]) for tensor, name, function in following if tensor in given)
    _, *output = network.shapes[node.outputs[0]]
    product = Product.of(explanation, (output[0], output[1], output[2]), conv.groups)
    return Step(layer, explanation, given.get(node.outputs[0]), runner.name, product, after)


def _convolution(network: Network, layer: str) -> Node:
    """The node that gives a layer, a convolution over two axes."""
    tensor = network.tensor(layer)
    node = next((node for node in network.nodes if tensor in node.outputs), None)
    if node is None or not isinstance(node.op, Conv) or len(node.op.kernel) != 2 or node.op.border not in MODES:
        known = [n.name for n in network.nodes if isinstance(n.op, Conv) and len(n.op.kernel) == 2]
        near = get_close_matches(layer, known, n=NAMED, cutoff=0.0)
        what = "an input" if node is None else node.op.word
        raise InputError(f"{layer} is {what}, no convolution of two axes; the nearest: {', '.join(near) or 'none'}")
    return node


def _inside(layer: str, shape: Shape, channel: int, place: Sequence[int]) -> None:
    """InputError with the valid ranges for a channel or a place outside a layer."""
    _, channels, height, width = shape
    if channel >= channels:
        raise InputError(f"channel {channel} lies outside {layer}: it must be in [0, {channels})")
    if len(place) != 2:
        raise InputError(f"at takes two numbers, y and x, got {len(place)}")
    y, x = place
    if not (0 <= y < height and 0 <= x < width):
        raise InputError(f"unit {y},{x} lies outside {layer}: y must be in [0, {height}), x in [0, {width})")


def _weights(model: Model, node: Node) -> dict[str, Array]:
    """The weights of a node by their role."""
    read = _reader(model, node)
    found = {weight.role: read(weight) for weight in node.weights}
    if "weight" not in found:
        raise UnsupportedError(f"{node.name}: its weights are no part of the model")
    return found


def _reader(model: Model, node: Node) -> Callable[[Weight], Array]:
    """What reads a weight's numbers."""
    match model.source:
        case TfliteModel(held):
            return lambda weight: weight_values(held, weight)
        case KerasModel(held):
            return lambda weight: keras_values(held, weight)
        case TorchModule(module=module):
            tensors = [*module.named_parameters(), *module.named_buffers()]
            stored: Mapping[str, Array] = {name: tensor.detach().numpy(force=True) for name, tensor in tensors}
        case OnnxFile() | OnnxBytes() as file:
            from onnx import numpy_helper

            from striate.formats.onnx.loading import load_whole

            proto = load_whole(file.path if isinstance(file, OnnxFile) else file.content)
            stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}

    def read(weight: Weight) -> Array:
        if weight.name not in stored or weight.views:
            raise UnsupportedError(f"{node.name}: its {weight.role} is worked out by the model and not stored as it is")
        return stored[weight.name]

    return read


def _following(network: Network, node: Node) -> list[tuple[str, str, str]]:
    """The operators of single elements behind a node while each has but one reader: tensor, name and function."""
    found: list[tuple[str, str, str]] = []
    tensor = node.outputs[0]
    while True:
        readers = [other for other in network.nodes if tensor in other.inputs]
        if len(readers) != 1 or not isinstance(readers[0].op, Elementwise):
            return found
        data = len(readers[0].inputs) - readers[0].op.parameters
        if data != 1:
            return found
        tensor = readers[0].outputs[0]
        found.append((tensor, readers[0].name, readers[0].op.function.name or readers[0].source))


def _values(runner: Runner, model: Model, image: Array, node: Node, chain: Sequence[str]) -> dict[str, Array]:
    """What the runtime gives before a convolution, and behind it as much of a chain of tensors as it shows."""
    feeds = {model.network.inputs[0]: np.asarray(image)}
    known = {**feeds, **_turned(model.network, node.inputs[0], feeds)}
    before = [name for name in node.inputs[:1] if name not in known]
    parts = [chain[start:stop] for start in (0, 1) for stop in range(len(chain), start, -1)]
    refusals = []
    for part in parts:
        try:
            return {**runner.run(feeds, [*before, *part]), **known}
        except InputError as refusal:
            refusals.append(refusal)
    raise refusals[-1]


def _turned(network: Network, tensor: str, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """A tensor that is an input with its axes in another order, which a reader may add and no runtime shows."""
    made = next((node for node in network.nodes if tensor in node.outputs), None)
    if made is None or not isinstance(made.op, Transpose) or made.inputs[0] not in feeds:
        return {}
    return {tensor: feeds[made.inputs[0]].transpose(made.op.order)}
