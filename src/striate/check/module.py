"""A torch module and its twin in torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from striate.check.claim import Claim
from striate.check.extents import ExtentPass
from striate.check.flow import Session, Tick
from striate.check.report import Disagreement, Extent, Pixels, UnitCheck
from striate.check.stopwatch import Stopwatch
from striate.check.torch_run import TorchRun
from striate.check.torch_twin import TorchTwin
from striate.fields import Fields
from striate.formats.given import NOTHING, Given
from striate.network.relation import Shape


class ModuleRuntime:
    """Runs a module, and backward passes of its twin."""

    name = f"torch {torch.__version__}"
    backward = True

    def __init__(self, module: nn.Module, fields: Fields, given: Given = NOTHING) -> None:
        network, self._given = fields.network, given
        self._module, self._source, self._axes = module, fields.source, tuple(fields.spatial.values())
        self._inputs = {name: network.shapes[name] for name in network.inputs}
        self._twin = TorchTwin(module, self._inputs, self._source, given)
        self._layers = [path for path in self._twin.outputs if path in network.layers]

    @property
    def passes(self) -> int:
        """How often the twin has run."""
        return self._twin.passes

    def layers(self) -> list[str]:
        """The submodules that give a tensor."""
        return self._layers

    def refusal(self, layer: str) -> str:
        """Why a layer cannot be checked; empty where it is a submodule that gives a tensor."""
        if layer in self._layers:
            return ""
        return f"check of a module compares submodules that give a tensor; {layer!r} is none"

    def build(self, layers: Sequence[str]) -> Mapping[str, Shape]:
        """The runtime's own shape of each layer."""
        return {layer: tuple(self._twin.outputs[layer].shape) for layer in layers}

    def steps(self, layers: int, limit: int) -> int:
        """One for each gradient that an extent may take."""
        return self._most(layers, limit) * layers * len(self._axes)

    def units(self, claims: Sequence[Claim], limit: int, seed: int, tick: Tick) -> list[UnitCheck]:
        """Each claim against the gradient of its unit's twin, which tells all the pixels it reads."""
        told, watch = [], Stopwatch()
        for claim in claims:
            told.append(replace(self._compared(claim), seconds=watch.lap()))
            tick()
        return told

    def _compared(self, claim: Claim) -> UnitCheck:
        layer, at = claim.unit.layer, claim.unit.at
        found = _compare(claim, self._twin.reads(layer, at, self._axes))
        if claim.local and np.array_equal(self._twin.reads(layer, at, self._axes, local=True), claim.mask):
            return replace(found, outside=found.others)
        return found

    def extents(self, claimed: ExtentPass, layers: Sequence[str], limit: int, tick: Tick) -> list[Extent]:
        """What the gradients of several units together say, whose claims lie apart."""
        most = self._most(len(layers), limit)
        return [
            extent
            for layer in layers
            for extent in claimed.by_units(layer, partial(self._twin.reads_of, layer, self._axes), most, tick)
        ]

    def close(self) -> None:
        """Give back the twin's tensors, and all that their gradients hold."""
        self._twin.outputs.clear()

    def sessions(self) -> list[Callable[[], Session]]:
        """Runs on as many threads as torch uses, then on one."""
        counts = dict.fromkeys((torch.get_num_threads(), 1))
        return [partial(TorchRun, self._module, self._inputs, self._source, threads, self._given) for threads in counts]

    def _most(self, layers: int, limit: int) -> int:
        return max(limit // max(layers * len(self._axes), 1), 1)


def _compare(claim: Claim, read: NDArray[np.bool_]) -> UnitCheck:
    """Claim against measurement where every pixel of the unit was measured."""
    unit, claimed = claim.unit, claim.mask
    first = None
    wrong = (read & ~claimed & (not claim.local)) | (claimed & ~read & (not claim.bound))
    if wrong.any():
        pixel = tuple(int(i) for i in np.argwhere(wrong)[0])
        first = Disagreement("claimed but not read" if claimed[pixel] else "read but not claimed", pixel)
    others = int((~claimed).sum())
    return UnitCheck(
        unit.layer,
        unit.at,
        int(claimed.sum()),
        int((claimed & read).sum()),
        0 if claim.local else others,
        first is None,
        first,
        claim.bound,
        method="backward",
        pixels=Pixels(claimed, claimed & read),
        others=others,
    )
