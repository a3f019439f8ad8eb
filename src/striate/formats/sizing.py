"""Input shapes that a model takes, where it leaves sizes open: chosen by reading it at likely ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from time import process_time

from striate.errors import InputError, ModelError, OpenInputError, UnsupportedError
from striate.formats.given import Given
from striate.formats.model import Model
from striate.formats.torch.module import TorchModule
from striate.frozen import FrozenDict
from striate.network.relation import Shape

Declared = tuple[int | str, ...] | None

PICTURE_SIZES = (224, 640, 256, 512, 320, 384, 299, 128, 64, 32, 28)
LINE_SIZES = (1024, 16000, 128, 512, 80, 32)
LARGEST_STEP = 64
PATIENCE = 4.0
"""Seconds of work after which no further size is tried for a hint."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A model read at a size that it takes; for a picture, ``step`` and three times it more were found to fit too."""

    model: Model
    shapes: Mapping[str, Shape]
    step: int | None = None


def fitting(model: Model) -> Model:
    """The model at its own shapes, else at the first of the usual sizes that it takes; raises InputError for none."""
    try:
        return model.read()
    except OpenInputError as error:
        found = _first(model)
        if found is None:
            raise InputError(f"{error}; none of the usual sizes was taken, so that auto finds none") from error
        return found.model


def hint(model: Model) -> Fit | None:
    """A size that a model takes and, for a picture, by what other sizes divide; None where no usual one fits."""
    start = process_time()
    found = _first(model, start)
    if found is None:
        return None
    main = max(found.shapes, key=lambda name: len(found.shapes[name]))
    axes = _open_picture_axes(model, main, found.shapes[main])
    if not axes:
        return found
    step = 1
    while step < LARGEST_STEP and process_time() - start < PATIENCE:
        if all(_takes(model, {**found.shapes, main: _grown(found.shapes[main], axes, by)}) for by in (step, 3 * step)):
            return Fit(found.model, found.shapes, step)
        step *= 2
    return found


def _grown(shape: Shape, axes: tuple[int, ...], by: int) -> Shape:
    return tuple(n + by if axis in axes else n for axis, n in enumerate(shape))


def _first(model: Model, start: float | None = None) -> Fit | None:
    model = _typed(model)
    for shapes in _candidates(model):
        if start is not None and process_time() - start > PATIENCE:
            return None
        try:
            return Fit(model.at(shapes).read(), shapes)
        except UnsupportedError:
            raise
        except (InputError, ModelError):
            continue
    return None


def _typed(model: Model) -> Model:
    """With integers for a module that looks its input up, where nothing is said of types."""
    if not isinstance(model.source, TorchModule) or model.given.dtypes:
        return model
    from striate.formats.torch.guessing import looks_up

    if not looks_up(model.source.module):
        return model
    return replace(model, given=Given(FrozenDict({"": "int64"}), model.given.values))


def _takes(model: Model, shapes: Mapping[str, Shape]) -> bool:
    try:
        model.at(shapes).read()
    except (InputError, ModelError):
        return False
    return True


def _candidates(model: Model) -> Iterator[dict[str, Shape]]:
    """Shapes by the names of inputs, likely ones first."""
    declared = _declared(model)
    if not declared or any(dims is None for dims in declared.values()):
        return
    rank = max(len(dims or ()) for dims in declared.values())
    for size in PICTURE_SIZES if rank > 3 else LINE_SIZES:
        yield {name: _filled(dims or (), size) for name, dims in declared.items() if name not in model.given.values}


def _filled(dims: tuple[int | str, ...], size: int) -> Shape:
    """Sizes for open dimensions: one picture in a batch, three channels, ``size`` along what is left."""
    last = len(dims) == 4 and isinstance(dims[3], int) and isinstance(dims[1], str)
    usual = {0: 1, 1: 3} if len(dims) > 3 and not last else {0: 1}
    return tuple(n if isinstance(n, int) else usual.get(axis, size) for axis, n in enumerate(dims))


def _open_picture_axes(model: Model, name: str, shape: Shape) -> tuple[int, ...]:
    dims = _declared(model).get(name) or ()
    last = len(dims) == 4 and isinstance(dims[3], int) and isinstance(dims[1], str)
    spatial = (1, 2) if last else (2, 3)
    return tuple(axis for axis in spatial if len(shape) == 4 and isinstance(dims[axis], str))


def _declared(model: Model) -> Mapping[str, Declared]:
    """What is known of each input's sizes before reading."""
    if not isinstance(model.source, TorchModule):
        return model.source.declared()
    from striate.formats.torch.guessing import declared

    return declared(model.source.module)
