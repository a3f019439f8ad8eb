"""``check``: the claim on a user's own model against the model's own runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any
from weakref import finalize

from striate.check.flow import Asked, Runtime, prove
from striate.check.report import CheckReport
from striate.errors import InputError, MissingDependencyError
from striate.fields import Fields
from striate.fields.unit import At
from striate.formats.keras.file import KerasModel
from striate.formats.model import Model, Readable
from striate.formats.onnx.file import OnnxBytes, OnnxFile, write_fixed
from striate.formats.shapes import InputShape
from striate.formats.tflite.file import TfliteModel
from striate.formats.torch.module import TorchModule
from striate.progress import Progress
from striate.values import instance, integer, items, shown, text


def check(
    model: Model | Readable,
    input_shape: InputShape = None,
    layers: Sequence[str] | None = None,
    units: Sequence[At] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    passes: int | None = None,
    source: str | None = None,
    layout: str | None = None,
    *,
    local: bool = False,
    everything: bool = False,
) -> CheckReport:
    """Prove the fields striate claims for a model on the model itself and on a twin of it, in its own runtime.

    The twin is the model's graph with weights of one, identities for activations and unions for products:
    a unit of it answers exactly when a pixel it reads is lit. A model file runs in onnxruntime: ones
    everywhere outside a claim must leave the unit at zero; followed backward, each node as onnxruntime runs it
    alone, the unit must be reached by every pixel inside; and single lit pixels must reach it. Where a node
    cannot be followed backward, lit pixels alone speak for the inside, in at most ``passes`` forward passes
    (default: by the size of the network). A TFLite file runs in LiteRT in the same way. A torch module runs in
    torch, and a ``.keras`` file in Keras on torch, where one backward pass a unit gives every pixel it reads. Of the
    layers checked, every unit's extent along each axis is compared too, and the field stated for the layer with it.

    The model itself, untouched, is then run on noise: whatever a unit is not said to read is replaced, and not
    a bit of the unit may change; replacing the outermost lines of what it is said to read should change it.
    That pass shares nothing with the claim. A claim that is an upper bound is held to the outside alone.

    ``local`` checks the fields without global paths: every pixel of them must be read, and no other where the unit
    reads just those once what reduces an axis of the image is taken out of the twin; else the outside is not shown.
    ``everything`` checks every unit of the layers, unless ``units`` are
    given, and every claimed pixel, however long that takes.

    ``layers`` are names of the network's layers, for a module paths of its submodules (default: up to twelve,
    evenly spread, the last among them); ``units`` are places, as ``region`` takes them, in every one of them (default:
    the centre, the first corner and two drawn with ``seed``). ``source`` and ``layout`` name the input and its axes,
    as for ``fields``. ``progress(done, total)`` is called as the work goes on.
    Raises InputError for layers and units that do not exist, UnsupportedError for an operator that has no
    twin, MissingDependencyError without the runtime.

    >>> from torch import nn
    >>> report = check(nn.Sequential(nn.Conv2d(1, 1, 3, dilation=2)), (1, 1, 9, 9), units=[(0, 0)])
    >>> report.ok, str(report.units[0]).partition(";")[0]
    (True, 'proved: 0 (0, 0) reads all 9 pixels claimed, none of the 72 others')
    """
    asked = Asked(
        layers=None if layers is None else [text("layers", name) for name in _some("layers", layers)],
        units=None if units is None else _some("units", units),
        seed=integer("seed", seed, 0),
        progress=progress,
        passes=None if passes is None else integer("passes", passes, 0),
        everything=instance("everything", everything, bool),
    )
    if progress is not None and not callable(progress):
        raise InputError(f"progress must be called with two integers, got {shown(progress)}")
    checked = Model.of(model, input_shape)
    fields = Fields(checked, source, layout)
    if instance("local", local, bool):
        fields = fields.local
    return prove(checked.name, _runtime(checked, fields), fields, asked)


def _runtime(model: Model, fields: Fields) -> Runtime:
    """What runs a model of this kind."""
    match model.source:
        case TorchModule(module):
            from striate.check.module import ModuleRuntime

            return ModuleRuntime(module, fields, model.given)
        case TfliteModel() as source:
            try:
                from striate.check.tflite_file import TfliteRuntime
            except ImportError as error:
                raise MissingDependencyError(
                    "check needs LiteRT and onnxruntime for a TFLite file: pip install 'striate[litert,onnx]'"
                ) from error
            return TfliteRuntime(model, source, fields)
        case KerasModel() as source:
            try:
                from striate.check.keras_file import KerasRuntime
            except ImportError as error:
                raise MissingDependencyError(
                    "check of a .keras file needs Keras on torch: pip install keras torch, and set KERAS_BACKEND=torch"
                ) from error
            return KerasRuntime(model, source, fields)
        case OnnxFile() | OnnxBytes():
            try:
                from striate.check.file import FileRuntime
            except ImportError as error:
                raise MissingDependencyError(
                    "check needs onnx and onnxruntime for a model file: pip install 'striate[onnx]'"
                ) from error
            if isinstance(model.source, OnnxFile) and not model.given.values:
                return FileRuntime(model.source.path, fields)
            place = Path(mkdtemp())
            try:
                runtime = FileRuntime(write_fixed(model.source, model.given, place / "model.onnx"), fields)
            except BaseException:
                rmtree(place, ignore_errors=True)
                raise
            finalize(runtime, rmtree, place, ignore_errors=True)
            return runtime


def _some(name: str, value: object) -> list[Any]:
    found = items(name, value)
    if not found:
        raise InputError(f"{name} is empty: there is nothing to check; leave it out for a choice of check's own")
    return found
