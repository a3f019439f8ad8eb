"""An output that was taken apart, as JSON and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rich.console import RenderableType

from striate.conv import Explanation
from striate.explore import Product, SparseProduct, Step, TooLarge
from striate.explore.steps import as_matrices
from striate.show.matrix import MOST_DRAWN, matrix_sketch
from striate.show.plain import plain_page
from striate.show.sketch import Sketch
from striate.show.words import word
from striate.version import striate_version

Whole = SparseProduct | TooLarge | None
Told = dict[str, object]


def told(
    found: Explanation, product: Product, sparse: Whole, lang: Literal["en", "zh"], most: int, *, matrix: bool
) -> list[str]:
    """The lines of a plain kernel's output."""
    *lines, counts = found.lines(lang, most)
    return [*lines, *(as_matrices(product, sparse, lang) if matrix else []), counts]


def page(
    title: str, lines: Sequence[str], channel: int, sparse: Whole, lang: Literal["en", "zh"]
) -> str:
    """The lines, and the sparse matrix drawn where it is small."""
    parts: list[RenderableType | Sketch] = ["\n".join(lines)]
    if isinstance(sparse, SparseProduct):
        rows = sparse.rows(channel)
        if max(rows.shape) <= MOST_DRAWN:
            outputs = sparse.outputs[channel].ravel()
            row = sparse.row - channel * len(rows)
            parts.append(word("matrix_of_channel", lang, channel=channel))
            parts.append(matrix_sketch(rows, sparse.vector, outputs, row, sparse.bias, lang))
        else:
            size = dict(zip(("rows", "columns"), rows.shape, strict=True))
            parts.append(word("matrix_undrawn", lang, channel=channel, most=MOST_DRAWN, **size))
    return plain_page(title, parts, striate_version(), lang)


def step_document(model: str, found: Step) -> Told:
    """A layer's output in plain numbers."""
    after = [{"layer": name, "function": function, "value": value} for name, function, value in found.after]
    return {
        "striate": striate_version(),
        "model": model,
        "layer": found.layer,
        **_document(found.explanation),
        "runtime": {"name": found.by, "value": found.runtime},
        "after": after,
        **_matrices(found.product, found.sparse),
    }


def plain_document(found: Explanation, product: Product, sparse: Whole) -> Told:
    """A plain kernel's output in plain numbers."""
    return {"striate": striate_version(), **_document(found), **_matrices(product, sparse)}


def _matrices(product: Product, sparse: Whole) -> Told:
    """Both products of matrices; all entries of the sparse one where it was asked for and is built."""
    unrolled = {
        "group": list(product.group),
        "weights": list(product.weights),
        "windows": list(product.windows),
        "place": list(product.place),
    }
    if sparse is None:
        return {"matrix": unrolled}
    size: Told = {"shape": list(sparse.shape), "weights": sparse.weights}
    if isinstance(sparse, TooLarge):
        return {"matrix": unrolled, "sparse": {**size, "entries": None}}
    entries = sparse.matrix.tocoo()
    numbers = {"rows": entries.row.tolist(), "columns": entries.col.tolist(), "weights": entries.data.tolist()}
    explained = {"row": sparse.row, "value": sparse.value, "by": sparse.by, "difference": sparse.difference}
    return {"matrix": unrolled, "sparse": {**size, **explained, "entries": numbers}}


def _document(found: Explanation) -> Told:
    """Everything that an explanation holds, in plain numbers."""
    channel, y, x = found.at
    return {
        "channel": channel,
        "at": [y, x],
        "rows": list(found.rows),
        "columns": list(found.columns),
        "channels": list(found.channels),
        "window": found.window.tolist(),
        "kernel": found.kernel.tolist(),
        "products": found.products.tolist(),
        "channel_sums": found.channel_sums.tolist(),
        "bias": found.bias,
        "value": found.value,
        "parameters": found.parameters,
        "locally_connected_parameters": found.local_parameters,
        "dense_parameters": found.dense_parameters,
    }
