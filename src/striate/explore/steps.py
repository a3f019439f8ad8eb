"""One output of a convolution layer of a network on a real picture, taken apart, beside the runtime's own number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from striate.conv.explanation import Explanation, explain
from striate.errors import InputError
from striate.explore.product import Product
from striate.explore.running import Source, following, opened, runner_of
from striate.explore.sparse import SparseProduct, TooLarge, sparse_product
from striate.explore.weights import convolution, node_weights
from striate.formats.model import Model
from striate.formats.shapes import InputShape
from striate.geometry.axis_map import Border
from striate.network import Network, Node
from striate.network.operators import Conv, Transpose
from striate.network.relation import Shape
from striate.run import Runner
from striate.values import instance, integer, integers

Array = NDArray[Any]
MODES = {Border.ZERO: "zeros", Border.REFLECT: "reflect", Border.REPLICATE: "replicate", Border.CIRCULAR: "circular"}


@dataclass(frozen=True, eq=False)
class Step:
    """How one output of ``layer`` came about; ``print`` it.

    ``explanation`` has the window, the kernel, their products, the sum of each channel, the bias and the value;
    ``runtime`` is what the runtime, ``by``, gave there; None where it shows that behind an activation alone, which it
    computes in the same operation. ``after`` names the operators of single elements that
    follow, such as a batch normalisation and an activation, each with its function and the value that it gives at the
    same place. ``product`` is the output as an entry of a product of matrices, and ``sparse`` the whole layer as a
    sparse matrix times a vector, where that was asked for.
    """

    layer: str
    explanation: Explanation
    runtime: float | None
    by: str
    product: Product
    after: tuple[tuple[str, str, float], ...]
    sparse: SparseProduct | TooLarge | None = None

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self, lang: Literal["en", "zh"] = "en", most: int | None = None, *, matrix: bool = False) -> list[str]:
        """What ``print`` shows, in English or Chinese; of many channels the ``most`` with the largest sums.

        With ``matrix`` also the same as a product of matrices, and as a sparse matrix where there is one.
        """
        *told, counts = self.explanation.lines(lang, most)
        words = _WORDS[lang]
        given = "unseen" if self.runtime is None else "runtime"
        told.append(words[given].format(by=self.by, value=self.runtime))
        told += [words["after"].format(name=n, function=f, value=v) for n, f, v in self.after]
        return [*told, *(as_matrices(self.product, self.sparse, lang) if matrix else []), counts]


def as_matrices(product: Product, sparse: SparseProduct | TooLarge | None, lang: Literal["en", "zh"]) -> list[str]:
    """The lines of an output as a product of matrices, and as a sparse matrix where there is one."""
    return [*product.lines(lang), *([] if sparse is None else sparse.lines(lang))]


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
    model: Source, layer: str, at: Sequence[int], image: Array, channel: int = 0, input_shape: InputShape = None, *,
    sparse: bool = False,
) -> Step:  # fmt: skip
    """Take apart the output of ``channel`` at ``at`` = (y, x) of a convolution layer, on ``image``.

    ``image`` has the shape of the network's input, in the numbers that it takes. With ``sparse`` the whole layer is
    made a sparse matrix too, which needs SciPy, where it has at most two million weights or so. Raises InputError for a
    layer that is no convolution of two axes or whose input the runtime does not show, a place outside it and a picture
    of another shape; UnsupportedError where the model holds the layer's weights in a form that is not read.

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
    node = convolution(network, layer, MODES)
    conv, place = node.op, integers("at", at)
    assert isinstance(conv, Conv)
    channel = integer("channel", channel, 0)
    _inside(layer, network.shapes[node.outputs[0]], channel, place)
    weights = node_weights(held, node)
    behind = following(network, node)
    runner = runner_of(held)
    chain = [node.outputs[0], *(tensor for tensor, _, _ in behind)]
    values = _values(runner, held, image, node, chain)
    read = values[node.inputs[0]].astype(weights["weight"].dtype)
    bias, arguments = weights.get("bias"), _arguments(conv)
    explanation = explain(read, weights["weight"], bias, **arguments, at=(channel, place[0], place[1]))
    k, y, x = explanation.at
    given = {name: float(value[0, k, y, x]) for name, value in values.items() if name in chain}
    after = tuple((name, function, given[tensor]) for tensor, name, function in behind if tensor in given)
    _, channels, height, width = network.shapes[node.outputs[0]]
    output = channels, height, width
    product = Product.of(explanation, output, conv.groups)
    shown = values[node.outputs[0]][0] if node.outputs[0] in values else None
    matrix = (
        sparse_product(explanation, read[0], weights["weight"], bias, shown, runner.name, output, arguments)
        if instance("sparse", sparse, bool) else None
    )  # fmt: skip
    return Step(layer, explanation, given.get(node.outputs[0]), runner.name, product, after, matrix)


def _arguments(conv: Conv) -> dict[str, Any]:
    """What ``explain`` and ``conv_matrix`` take beside the arrays."""
    return {
        "stride": conv.stride, "padding": conv.padding, "dilation": conv.dilation, "groups": conv.groups,
        "padding_mode": MODES[conv.border],
    }  # fmt: skip


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
