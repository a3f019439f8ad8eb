"""A resize of a part: by the file's own scales where units then stand as the whole's do, else unit by unit.

A runtime computes places from the sizes it sees, so a part is never resized by its own size. Scales by powers of two
put the units of a part where the whole's stand, to the last bit, once the part is counted from a whole pixel; for all
else each unit's pixels and weights are written out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from striate.errors import UnsupportedError
from striate.formats.onnx.draft import Draft, set_attribute
from striate.formats.onnx.tables import Tap, taps
from striate.geometry import Box, Coordinates, Interpolation, Interval
from striate.network.operators import Resize, Slice
from striate.network.relation import Shape

FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)
SHIFTED_ALIKE = (Coordinates.HALF_PIXEL, Coordinates.ASYMMETRIC, Coordinates.PYTORCH_HALF_PIXEL)
"""Coordinates that move by a whole number of units where the input moves by a pixel."""


@dataclass(frozen=True, slots=True)
class PartOfResize:
    """``whole`` resizes a tensor of ``shape``; ``part`` makes ``made`` of it from an input of shape ``held``."""

    whole: Resize
    part: Resize
    shape: Shape
    held: Shape
    made: Box

    def pixels(self) -> list[Interval]:
        """The pixels that are held along each axis that is resized, counted in the whole."""
        found = []
        for axis, (slope, first), (_, origin) in zip(
            self.whole.axes, self.part.places(self.held), self.whole.places(self.shape), strict=True
        ):
            start = int(origin + slope * self.made[axis].start - first)
            found.append(Interval(start, start + self.held[axis]))
        return found

    def write(self, draft: Draft, node: onnx.NodeProto, kind: int) -> None:
        """Write the part; ``node`` is the file's own, with the input, output and name of the part."""
        cut = self.cut_behind_scales()
        if cut is None:
            self._by_units(draft, node, kind)
        else:
            self._by_scales(draft, node, cut)

    def cut_behind_scales(self) -> Slice | None:
        """The cut behind a resize by the whole's scales; None where that gives other units or other weights."""
        whole = self.whole
        if whole.antialias or whole.mode is Interpolation.CUBIC or whole.coordinates not in SHIFTED_ALIKE:
            return None
        rows = []
        for scale, axis, size, side in zip(whole.scale or (), whole.axes, whole.size, self.pixels(), strict=True):
            factor, units = int(scale), self.made[axis]
            start = units.start - factor * side.start
            power_of_two = scale == factor > 0 == factor & (factor - 1)
            if not power_of_two or factor * self.shape[axis] != size or size == 1:
                return None
            if start < 0 or start + units.size > factor * side.size:
                return None
            if units.size != factor * side.size:
                rows.append((axis, start, units.size))
        axes, starts, counts = zip(*rows, strict=True) if rows else ((), (), ())
        return Slice(axes, starts, counts, (1,) * len(rows))

    def _by_scales(self, draft: Draft, node: onnx.NodeProto, cut: Slice) -> None:
        factors = np.ones(len(self.held), np.float32)
        for axis, scale in zip(self.whole.axes, self.whole.scale or (), strict=True):
            factors[axis] = float(scale)
        output = node.output[0]
        del node.input[1:]
        for name in ("axes", "keep_aspect_ratio_policy", "scales"):
            set_attribute(node, name, None)
        if draft.opset < 9:
            set_attribute(node, "scales", factors.tolist())
        else:
            if draft.opset >= 11:
                node.input.append("" if draft.opset >= 13 else draft.constant(f"{output}/roi", factors[:0]))
            node.input.append(draft.constant(f"{output}/scales", factors))
        if cut.axes:
            node.output[0] = draft.fresh(f"{output}/resized")
        draft.nodes.append(node)
        if cut.axes:
            draft.cut(cut, node.output[0], output)

    def _by_units(self, draft: Draft, node: onnx.NodeProto, kind: int) -> None:
        """Axis after axis, the pixels of each unit and their weights."""
        whole, x, output = self.whole, node.input[0], node.output[0]
        for k, (axis, held) in enumerate(zip(whole.axes, self.pixels(), strict=True)):
            rows = taps(whole, self.part, self.shape, k, self.made[axis], held)
            last = k + 1 == len(whole.axes)
            x = self._weighed(draft, rows, x, axis, kind, output if last else draft.fresh(f"{output}/axis"))

    def _weighed(self, draft: Draft, rows: Sequence[Tap], x: str, axis: int, kind: int, output: str) -> str:
        """The sum of some rows of an axis, each with its weight."""
        terms = []
        for indices, weights in rows:
            picked = output if weights is None else draft.fresh(f"{output}/pixels")
            draft.emit("Gather", [x, draft.constant(f"{output}/places", indices)], picked, axis=axis)
            if weights is None:
                return output
            if kind not in FLOATS:
                raise UnsupportedError("a resize of integers other than by nearest pixels is not written")
            column = weights.astype(helper.tensor_dtype_to_np_dtype(kind))
            spread = column.reshape([-1 if k == axis else 1 for k in range(len(self.held))])
            term = output if len(rows) == 1 else draft.fresh(f"{output}/term")
            terms.append(draft.emit("Mul", [picked, draft.constant(f"{output}/weights", spread)], term))
        total = terms[0]
        for k, term in enumerate(terms[1:], start=2):
            total = draft.emit("Add", [total, term], output if k == len(terms) else draft.fresh(f"{output}/sum"))
        return total
