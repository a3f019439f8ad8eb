"""Crops as ONNX models: run on the fed boxes alone, what they give against that part of what the whole gives."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from random import Random
from typing import Any

import numpy as np
import torch
from torch import nn

from striate.crop import crop
from striate.errors import UnsupportedError
from striate.formats.model import Model
from striate.geometry import Box, Interval
from striate.run import Array, Runner
from striate.run.cropping import part_of
from striate.run.onnx import OnnxRunner


def exported(module: nn.Module, *shapes: tuple[int, ...], opset: int = 17, dynamo: bool = False) -> bytes:
    """A module as an ONNX model of static shapes."""
    file: Any = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        examples = tuple(torch.randn(shape) for shape in shapes)
        torch.onnx.export(module.eval(), examples, file, dynamo=dynamo, opset_version=opset)
    return bytes(file.getvalue())


def random_feeds(model: Model, seed: int = 0) -> dict[str, Array]:
    """Normal numbers for every input."""
    random, shapes = np.random.default_rng(seed), model.network.shapes
    return {name: random.standard_normal(shapes[name]).astype(np.float32) for name in model.network.inputs}


def edges(shape: Sequence[int], whole: int = 2) -> Iterator[Box]:
    """Boxes of one pixel, of a few and of all, at every corner and edge and inside; ``whole`` axes are not cut."""
    kept = [Interval(0, n) for n in shape[:whole]]
    for size in (1, 5):
        rows = []
        for n in shape[whole:]:
            side = min(size, n)
            starts = sorted({0, (n - side) // 2, n - side})
            rows.append([Interval(start, start + side) for start in starts])
        yield from (Box([*kept, *sides]) for sides in product(*rows))
    yield Box.whole(shape)


def some_boxes(random: Random, shape: Sequence[int], count: int, whole: int = 0) -> Iterator[Box]:
    """Random boxes, edges drawn as often as the inside; ``whole`` leading axes are not cut."""
    for _ in range(count):
        sides = [Interval(0, n) for n in shape[:whole]]
        for n in shape[whole:]:
            size = min(random.choice([1, 1, 2, 3, 7, max(n // 2, 1), n]), n)
            start = random.choice([0, n - size, random.randint(0, n - size)])
            sides.append(Interval(start, start + size))
        yield Box(sides)


def on_one_thread(model: Model) -> Runner:
    """A model in onnxruntime."""
    return OnnxRunner(model, threads=1)


class Differences:
    """How far parts, run by ``run``, are from the whole in onnxruntime, relative to the largest value of the whole."""

    def __init__(
        self,
        model: Model,
        layer: str,
        feeds: Mapping[str, Array] | None = None,
        run: Callable[[Model], Runner] = on_one_thread,
    ) -> None:
        self.model, self.layer, self.run = model, layer, run
        self.feeds = random_feeds(model) if feeds is None else feeds
        self.tensor = model.network.tensor(layer)
        self.shape = model.network.shapes[self.tensor]
        self.expected = OnnxRunner(model, threads=1).run(self.feeds, [layer])[layer]
        self.worst, self.ran, self.bitwise, self.refused = 0.0, 0, 0, 0

    def check(self, box: Box) -> None:
        """One box: its part must be within 1e-5 of the whole's values; those that crop refuses are counted."""
        network = self.model.network
        try:
            found = crop(network, {self.layer: box})
        except UnsupportedError:
            self.refused += 1
            return
        part = Model(part_of(self.model, found))
        assert part.network.shapes[self.tensor] == found.boxes[self.tensor].shape
        fed = {name: self.feeds[name][side.slices] for name, side in found.feeds.items()}
        made = self.run(part).run(fed, [self.tensor])[self.tensor]
        wanted = self.expected[found.boxes[self.tensor].slices]
        assert made.dtype == wanted.dtype
        scale = max(float(np.abs(self.expected.astype(np.float64)).max()), 1e-30)
        far = float(np.abs(made.astype(np.float64) - wanted.astype(np.float64)).max()) / scale
        assert far <= 1e-5, f"{self.model} {self.layer} {box}: {far}"
        self.worst, self.ran = max(self.worst, far), self.ran + 1
        self.bitwise += bool(np.array_equal(made, wanted))
