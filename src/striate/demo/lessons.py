"""The tutorial's own examples, computed: networks of 3x3 layers, output sizes, the matrix, Conv2d on a photograph."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from rich.console import RenderableType

from striate.conv import conv2d, conv_matrix, explain
from striate.fields import Fields, region
from striate.geometry import Window
from striate.network import Builder, Network
from striate.network.operators import Conv
from striate.photos import Photo
from striate.show.conventions import CONVENTION_COLUMNS, convention_rows
from striate.show.document import describe
from striate.show.formats import rows
from striate.show.tables import grid
from striate.show.words import word

SEEN_AS = ("layer", "input_size", "shape", "size", "stride", "start")


def stacked(layers: int) -> Network:
    """``layers`` convolutions of 3x3 without padding, named A, B, C, ..., over the input O that leaves one unit.

    >>> [field.axes["width"].size for field in Fields(stacked(3)).values()]
    [3, 5, 7]
    """
    n = 2 * layers + 1
    builder, tensor = Builder(f"{layers} layers of 3x3", O=(1, 1, n, n)), "O"
    for k in range(layers):
        conv = Conv((3, 3), out_channels=1)
        tensor = builder.add(conv, tensor, name=chr(ord("A") + k), source="Conv", parameters=10)
    return builder.network()


def lessons(lang: str, photo: Photo) -> Iterator[RenderableType]:
    """The examples in order, each as what to print: headings, tables, lines."""
    yield from _deeper(lang)
    yield from _sizes(lang)
    yield from _matrix(lang)
    yield from _photograph(lang, photo)
    yield from _channels(lang, photo)
    yield from _shared(lang)


def _deeper(lang: str) -> Iterator[RenderableType]:
    yield word("demo_deeper", lang)
    table: list[tuple[str, ...]] = []
    for layers in (1, 2, 3):
        fields = Fields(stacked(layers))
        name, _, shape, size, stride, start, *_ = rows(describe(fields))[-1]
        table.append((name, "x".join(map(str, fields.network.shapes["O"][2:])), shape, size, stride, start))
    yield grid(SEEN_AS, table, lang=lang)
    deepest = Fields(stacked(3))
    path = region(deepest, "C", (0, 0)).path()
    boxes = [f"{name} {' x '.join(str(side.size) for side in box[2:])}" for name, box in path.items()]
    yield f"{word('demo_back', lang)}: {' <- '.join(boxes)}"


def _sizes(lang: str) -> Iterator[RenderableType]:
    window = Window(3)
    yield word("demo_size", lang)
    yield f"(6 - 3 + 2*0)/1 + 1 = {window.output_size(6)}: 6x6 -> {window.output_size(6)}x{window.output_size(6)}"
    half = 5 // 2
    yield word("demo_keeps", lang, padding=half, output=Window(5, pad_before=half, pad_after=half).output_size(512))
    yield word("demo_conventions", lang)
    yield grid(CONVENTION_COLUMNS, convention_rows(4, 3, 2, lang=lang), lang=lang)


def _matrix(lang: str) -> Iterator[RenderableType]:
    weight, image = np.arange(1.0, 10.0).reshape(1, 1, 3, 3), np.arange(16.0).reshape(1, 4, 4)
    matrix = conv_matrix(weight, (4, 4)).toarray()
    equal = bool(np.array_equal((matrix @ image.ravel()).reshape(1, 2, 2), conv2d(image, weight)))
    yield word("demo_matrix", lang)
    for line in matrix.astype(int):
        yield "  " + " ".join(str(value) if value else "." for value in line)
    yield word(
        "demo_matrix_says",
        lang,
        rows=matrix.shape[0],
        columns=matrix.shape[1],
        nonzero=int((matrix[0] != 0).sum()),
        equal=word("yes" if equal else "no", lang),
    )


def _photograph(lang: str, photo: Photo) -> Iterator[RenderableType]:
    image = (photo.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)
    seeded = np.random.default_rng(0)
    weight = seeded.normal(0, 75**-0.5, (32, 3, 5, 5)).astype(np.float32)
    bias = seeded.normal(0, 1, 32).astype(np.float32)
    output = conv2d(image, weight, bias, padding=5 // 2)
    yield word("demo_conv", lang)
    yield f"N, C, H, W: {image.shape} -> {output.shape}"
    dark = image.copy()
    dark[:, :, :3, :3] = 0
    corner = float(conv2d(dark, weight, bias, padding=5 // 2)[0, 0, 0, 0])
    yield word("demo_bias", lang, pixels="3x3", value=corner, bias=float(bias[0]))


def _channels(lang: str, photo: Photo) -> Iterator[RenderableType]:
    patch = np.ascontiguousarray(photo[100:103, 100:103].transpose(2, 0, 1)).astype(np.float64)
    weight = np.arange(-4.0, 5.0).reshape(1, 1, 3, 3).repeat(3, axis=1)
    yield word("demo_channels", lang)
    taken = explain(patch, weight, np.array([1.0]), at=(0, 0, 0))
    for line in taken.lines("zh" if lang == "zh" else "en")[1:-1]:
        yield f"  {line}"


def _shared(lang: str) -> Iterator[RenderableType]:
    taken = explain(np.zeros((1, 4, 4)), np.ones((1, 1, 3, 3)), at=(0, 0, 0))
    shared, local, dense = taken.parameters, taken.local_parameters, taken.dense_parameters
    yield word("demo_shared", lang)
    yield word("demo_shared_says", lang, shared=shared, local=local, dense=dense)
