"""The full answer for some two thousand networks, saved and compared: what a refactoring must not move.

    python benchmarks/answers.py save before [--only "timm/*"] [--seconds 30] [--gigabytes 4]
    python benchmarks/answers.py compare before after
    python benchmarks/answers.py compare before          # asks again for all that "before" holds
    python benchmarks/answers.py compare before after --kinds

An answer holds every layer's shape, costs and field along each axis, the network's costs and merges, and for a few
units of a few layers (seeded by the network's name) region, hull and reach. One file per network; what is there is
not asked for again. Each network has its own process, with limits of processor seconds and memory. ``compare`` prints
a line per difference (network, layer, axis, before -> after) and exits with 1 where there is one; ``--kinds`` prints
instead how many differences there are of each kind, in how many networks, and the first.

Networks: the shipped model, the ONNX files of installed packages, onnx's operator cases, 60 of torchvision, 150 of
timm, and nine of torchvision's exported to ONNX by both of torch's exporters. Models of up to 40 million parameters
are built on the CPU, larger ones on the meta device.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import importlib
import io
import json
import multiprocessing
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import partial
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import striate

Answer = dict[str, Any]
LAYERS, UNITS = 6, 3
ON_CPU = 40_000_000
TORCHVISION, TIMM = 60, 150
EXPORTED = (
    *("convnext_tiny", "densenet121", "efficientnet_b0", "googlenet", "mobilenet_v3_small", "resnet18"),
    *("shufflenet_v2_x0_5", "swin_t", "lraspp_mobilenet_v3_large"),
)
SHIPPED = (1, 3, 300, 448)
KEYS = (
    *("source", "layout", "costs", "merge", "only before", "only after", "shape", "whole via", "misaligned at"),
    *("at most via", "size", "stride", "start", "phases", "along", "local", "hull", "cover", "box", "channels"),
    *("unclipped", "queried hull", "interior", "centre", "corner"),
)
ONNX_PACKAGES = ("rapidocr_onnxruntime", "basic_pitch", "silero_vad", "onnxruntime", "onnx")
ONNX_SHAPES: Mapping[str, Any] = {
    "ch_PP-OCRv4_det_infer": (1, 3, 480, 480),
    "ch_PP-OCRv4_rec_infer": (1, 3, 48, 320),
    "ch_ppocr_mobile_v2.0_cls_infer": (1, 3, 48, 192),
    "nmp": (2, 43844, 1),
    "silero_vad_16k_op15": {"input": (1, 576), "state": (2, 1, 128)},
    "silero_vad_16k_sequence": {"input": (1, 4, 576)},
    "silero_vad_half": {"input": (1, 576), "state": (2, 1, 128)},
    "silero_vad_op18_ifless": {"input": (1, 576), "state": (2, 1, 128)},
    "silero_vad_openvino_16k": {"input": (1, 576), "state": (2, 1, 128)},
    "silero_vad": {"input": (1, 576), "state": (2, 1, 128)},
}


# what is asked


def answer(network: striate.LoadedModel) -> Answer:
    """Every layer's field, shape and costs, and the network's own, as plain numbers."""
    fields = network.fields()
    costs = network.costs
    return {
        "source": fields.source,
        "layout": fields.layout,
        "costs": [costs.parameters, costs.macs, costs.peak_activation_bytes, costs.peak_at],
        "merges": {
            f"{merge.node} {merge.axis}": [[name, plain(offset)] for name, offset in merge.branches]
            for merge in fields.misalignments
        },
        "layers": {name: layer_answer(fields[name]) for name in fields},
    }


def layer_answer(field: striate.Field) -> Answer:
    return {
        "op": field.op,
        "shape": list(field.shape),
        "params": field.parameters,
        "macs": field.macs,
        "bytes": field.activation_bytes,
        "nodes": field.nodes,
        "whole via": list(field.global_via),
        "misaligned at": list(field.misaligned_at),
        "at most via": list(field.at_most_via),
        "axes": {
            name: {
                "facts": list(axis.facts),
                **span_answer(axis),
                "local": None if axis.local is None else {"status": axis.local.status, **span_answer(axis.local)},
            }
            for name, axis in field.axes.items()
        },
    }


def span_answer(span: Any) -> Answer:
    return {
        "status": span.status,
        "size": span.size,
        "stride": plain(span.stride),
        "start": span.start,
        "phases": plain(span.phases),
        "along": span.along,
    }


def units(network: striate.LoadedModel, name: str) -> Iterator[tuple[str, Callable[[], Answer]]]:
    """The questions about single units and pixels, drawn by the network's name; each is worked out when called."""
    draw = random.Random(name)
    fields = network.fields()
    names = list(fields)
    chosen = [*draw.sample(names, min(LAYERS - 1, len(names))), *names[-1:]]
    pixel = [draw.randrange(max(1, fields.network.shapes[fields.source][axis])) for axis in fields.spatial.values()]
    for layer in dict.fromkeys(chosen):
        shape = fields[layer].shape
        if not fields[layer].axes or 0 in shape:
            continue
        yield f"{layer} borders", partial(borders_answer, network, layer)
        sides = shape[2:] if len(shape) > 2 else shape[1:]
        for k in range(UNITS):
            at = tuple(0 if k == 0 else side // 2 if k == 1 else draw.randrange(side) for side in sides)
            channel = draw.randrange(shape[1]) if k == 2 and len(shape) > 2 else None
            yield f"{layer} {list(at)} {channel}", partial(unit_answer, network, layer, at, channel)
        yield f"{layer} reach of {pixel}", partial(reach_answer, network, layer, pixel)


def unit_answer(network: striate.LoadedModel, layer: str, at: tuple[int, ...], channel: int | None) -> Answer:
    region = network.region(layer, at, channel)
    return {
        "hull": plain(region.hull),
        "cover": digest(region.cover),
        "channels": digest(region.channels),
        "unclipped": plain(region.unclipped),
        "queried hull": plain(network.fields().hull(layer, at, channel)),
    }


def reach_answer(network: striate.LoadedModel, layer: str, pixel: Sequence[int]) -> Answer:
    reach = network.reach(pixel, layer)
    return {"box": plain(reach.box), "cover": digest(reach.cover), "channels": digest(reach.channels)}


def borders_answer(network: striate.LoadedModel, layer: str) -> Answer:
    found = network.borders(layer)
    return {"interior": plain(found.interior), "centre": plain(found.centre), "corner": plain(found.corner)}


def plain(value: Any) -> Any:
    """A fraction as text, an interval as a pair, a tuple as a list of such."""
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, striate.Interval):
        return "all" if value == striate.Interval.UNBOUNDED else [value.start, value.stop]
    return [plain(part) for part in value] if isinstance(value, tuple | list) else value


def digest(values: Any) -> str:
    """Shape, count and hash of a boolean array."""
    packed = np.packbits(values, axis=None).tobytes()
    return f"{values.shape} {int(values.sum())} {hashlib.sha256(packed).hexdigest()[:16]}"


# which networks


@dataclass(frozen=True)
class Subject:
    """A network by name, and how to read it."""

    name: str
    load: Callable[[], striate.LoadedModel]


def subjects(pattern: str = "*") -> Iterator[Subject]:
    """Those whose names match; a library that none comes from is not imported."""
    groups: tuple[tuple[str, Callable[[], Iterator[Subject]]], ...] = (
        ("striate/", shipped),
        ("", onnx_files),
        ("torchvision/", torchvision_models),
        ("timm/", timm_models),
        ("onnx-", exports),
        ("onnx-case/", onnx_cases),
    )
    literal = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    for start, group in groups:
        if literal.startswith(start) or start.startswith(literal):
            yield from (subject for subject in group() if fnmatchcase(subject.name, pattern))


def shipped() -> Iterator[Subject]:
    yield Subject("striate/denoiser", partial(striate.load, files("striate") / "data" / "denoiser.onnx", SHIPPED))


def onnx_files() -> Iterator[Subject]:
    for package in ONNX_PACKAGES:
        spec = find_spec(package)
        root = Path(spec.origin).parent if spec is not None and spec.origin else Path()
        for path in sorted(root.rglob("*.onnx")) if root != Path() else ():
            name = f"{package}/{path.relative_to(root).with_suffix('')}"
            yield Subject(name, partial(striate.load, path, ONNX_SHAPES.get(path.stem)))


def onnx_cases() -> Iterator[Subject]:
    """The operators' cases that onnx tests its backends with; made when the first is asked for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        cases = collect_testcases(None)
    for case in sorted(cases, key=lambda case: case.name):
        if case.model is not None:
            yield Subject(f"onnx-case/{case.name}", partial(load_bytes, case.model))


def load_bytes(model: Any) -> striate.LoadedModel:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "case.onnx"
        path.write_bytes(model.SerializeToString())
        return striate.load(path)


def torchvision_models() -> Iterator[Subject]:
    models = torchvision().models
    parts = (models, models.segmentation, models.video)
    by_part = {name: part for part in parts for name in models.list_models(module=part)}
    for name in sorted(random.Random("torchvision").sample(sorted(by_part), TORCHVISION)):
        options: dict[str, Any] = {"weights": None}
        if by_part[name] is models.segmentation:
            options["weights_backbone"] = None
        if name in ("googlenet", "inception_v3"):
            options["init_weights"] = False
        shape = (1, 3, 16, 224, 224) if by_part[name] is models.video else (1, 3, 224, 224)
        shape = (1, 3, 299, 299) if name == "inception_v3" else shape
        build = partial(models.get_model, name, **options)
        yield Subject(f"torchvision/{name}", partial(load_module, build, shape))


def torchvision() -> ModuleType:
    """The package, beside a torch without CUDA too."""
    import torch

    if torch.version.cuda is None:
        sys.modules.setdefault("torchvision._meta_registrations", ModuleType("torchvision._meta_registrations"))
    return importlib.import_module("torchvision")


def exports() -> Iterator[Subject]:
    for name in EXPORTED:
        for exporter in ("dynamo", "script"):
            yield Subject(f"onnx-{exporter}/{name}", partial(load_export, name, dynamo=exporter == "dynamo"))


def load_export(name: str, *, dynamo: bool) -> striate.LoadedModel:
    import torch

    options: dict[str, Any] = {"init_weights": False} if name == "googlenet" else {}
    if name.startswith("lraspp"):
        options["weights_backbone"] = None
    module = torchvision().models.get_model(name, weights=None, **options)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / f"{name}.onnx"
        with contextlib.redirect_stdout(io.StringIO()):
            torch.onnx.export(module.eval(), (torch.zeros(1, 3, 224, 224),), path, dynamo=dynamo)
        return striate.load(path)


def timm_models() -> Iterator[Subject]:
    """The first by length of name of every family, and others drawn from the rest."""
    torchvision()
    import timm

    families = (timm.list_models(module=family) for family in timm.list_modules())
    chosen = {min(names, key=lambda name: (len(name), name)) for names in families if names}
    rest = sorted(set(timm.list_models()) - chosen)
    chosen.update(random.Random("timm").sample(rest, max(0, TIMM - len(chosen))))
    for name in sorted(chosen):
        yield Subject(f"timm/{name}", partial(load_module, partial(timm.create_model, name, pretrained=False)))


def load_module(build: Callable[[], Any], shape: tuple[int, ...] = ()) -> striate.LoadedModel:
    """Read where its constants are known, unless it is too large for that; at timm's own shape if none is given."""
    import torch

    torch.manual_seed(0)
    try:
        with torch.device("meta"):
            module = build()
        small = sum(parameter.numel() for parameter in module.parameters()) <= ON_CPU
    except (RuntimeError, NotImplementedError):
        small = True
    module = build() if small else module
    shape = shape or (1, *module.default_cfg.get("input_size", (3, 224, 224)))
    return striate.load(module.eval(), shape)


# saving


@dataclass(frozen=True)
class Limits:
    """Processor seconds and bytes of memory above the start that one network may take."""

    seconds: float
    bytes: int


def save(chosen: Iterator[Subject], directory: Path, limits: Limits) -> None:
    """Ask for every subject that ``directory`` does not hold yet; one progress line each."""
    for subject in chosen:
        path = answer_path(directory, subject.name)
        if path.exists():
            continue
        start = time.monotonic()
        process = multiprocessing.get_context("fork").Process(target=ask, args=(subject, path, limits))
        process.start()
        process.join(10 * limits.seconds)
        if process.is_alive():
            process.kill()
            process.join()
        if process.exitcode and not path.exists():
            late = -process.exitcode in (signal.SIGXCPU, signal.SIGKILL)
            write(path, {"skipped": f"more than {limits.seconds:g} s" if late else f"exit {process.exitcode}"})
        print(f"{subject.name}: {told(read(path))}, {time.monotonic() - start:.1f} s", flush=True)


def ask(subject: Subject, path: Path, limits: Limits) -> None:
    """Write one subject's answer: what concerns every layer first, then the units that time allows."""
    warnings.simplefilter("ignore")
    used = int(Path("/proc/self/statm").read_text().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_DATA, (used + limits.bytes, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(limits.seconds), resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        network = subject.load()
        found = answer(network)
        write(path, found)
        found["units"] = {}
        for question, work in units(network, subject.name):
            if time.process_time() > 0.8 * limits.seconds:
                break
            found["units"][question] = attempted(work)
        write(path, found)
    except striate.StriateError as error:
        write(path, {"refused": f"{type(error).__name__}: {error}".replace(str(Path(tempfile.gettempdir())), "")})
    except MemoryError:
        write(path, {"skipped": "memory"})
    except Exception as error:
        out_of_memory = "allocate" in str(error)
        write(path, {"skipped": "memory"} if out_of_memory else {"failed": f"{type(error).__name__}: {error}"})


def attempted(work: Callable[[], Answer]) -> Answer:
    """A question's answer, or in what words it was refused."""
    try:
        return work()
    except striate.StriateError as error:
        return {"refused": str(error)}
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        return {"failed": f"{type(error).__name__}: {error}"}


def told(found: Answer) -> str:
    for word in ("skipped", "refused", "failed"):
        if word in found:
            return f"{word}: {found[word]}"
    return f"{len(found['layers'])} layers, {len(found.get('units', ()))} units and pixels"


def answer_path(directory: Path, name: str) -> Path:
    return directory / f"{name}.json.gz"


def write(path: Path, found: Answer) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, separators=(",", ":")).encode()
    part = path.with_suffix(".part")
    part.write_bytes(gzip.compress(text, mtime=0))
    part.replace(path)


def read(path: Path) -> Answer:
    found: Answer = json.loads(gzip.decompress(path.read_bytes()))
    return found


def saved(directory: Path) -> dict[str, Path]:
    """Every saved network and its file."""
    ends = len(".json.gz")
    return {str(path.relative_to(directory))[:-ends]: path for path in sorted(directory.rglob("*.json.gz"))}


# comparing


@dataclass
class Tally:
    """What was compared, and what could not be."""

    networks: int = 0
    layers: int = 0
    units: int = 0
    differences: int = 0
    left: int = 0

    def __str__(self) -> str:
        return (
            f"{self.networks} networks, {self.layers} layers, {self.units} units and pixels compared: "
            f"{self.differences} differences; {self.left} left out on one side"
        )


def compare(before: Path, after: Path, pattern: str = "*", *, by_kind: bool = False) -> Tally:
    """Print every difference; what was skipped on one side is named and counted, and is no difference."""
    tally, old, new = Tally(), saved(before), saved(after)
    found: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(old.keys() | new.keys()):
        if not fnmatchcase(name, pattern):
            continue
        one, two = (read(side[name]) if name in side else {"skipped": "not saved"} for side in (old, new))
        if "skipped" in one or "skipped" in two:
            tally.left += one != two
            if one != two:
                print(f"({name}: {told(one)} -> {told(two)})")
            continue
        tally.networks += 1
        for line in differences(one, two, tally):
            tally.differences += 1
            found.setdefault(kind(line), []).append((name, line))
            if not by_kind:
                print(f"{name}  {line}")
    for what, places in sorted(found.items(), key=lambda entry: -len(entry[1])) if by_kind else ():
        networks, (name, line) = {name for name, _ in places}, places[0]
        print(f"{len(places)} in {len(networks)} networks: {what} ({name}  {short(line.rsplit('  ', 1)[0])})")
    return tally


def kind(line: str) -> str:
    """What a difference changes, without where and by how much: the words of a field, else what is not alike."""
    what = line.rsplit("  ", 1)[-1]
    if facts := re.match(r"facts (\[.*?\] -> \[.*?\])", what):
        return f"facts {facts[1]}"
    if "refused" in what:
        return "refused"
    asked = "reach: " if " reach of " in line else "unit: " if "hull" in what or "unclipped" in what else ""
    return asked + ", ".join(key for key in KEYS if re.search(rf"(^|; ){key} .* -> ", what))


def differences(one: Answer, two: Answer, tally: Tally) -> Iterator[str]:
    """One readable line for each place where two answers of a network differ."""
    if "layers" not in one or "layers" not in two:
        if one != two:
            yield f"{told(one)} -> {told(two)}"
        return
    yield from changed("", one, two, ("source", "layout", "costs"))
    for merge in unlike(one["merges"], two["merges"]):
        yield f"{merge}  merge  {short(one['merges'].get(merge))} -> {short(two['merges'].get(merge))}"
    for layer in dict.fromkeys((*one["layers"], *two["layers"])):
        if layer not in one["layers"] or layer not in two["layers"]:
            yield f"{layer}  {'only before' if layer in one['layers'] else 'only after'}"
            continue
        tally.layers += 1
        was, now = one["layers"][layer], two["layers"][layer]
        yield from changed(f"{layer}  ", was, now, [key for key in was if key != "axes"])
        for axis in unlike(was["axes"], now["axes"]):
            yield from changed(f"{layer}  {axis}  ", was["axes"].get(axis, {}), now["axes"].get(axis, {}))
    was, now = one.get("units", {}), two.get("units", {})
    tally.units += len(was.keys() & now.keys())
    tally.left += len(was.keys() ^ now.keys())
    for question in was.keys() & now.keys():
        yield from changed(f"{question}  ", was[question], now[question])


def unlike(one: Answer, two: Answer) -> list[str]:
    return [key for key in dict.fromkeys((*one, *two)) if one.get(key) != two.get(key)]


def changed(place: str, one: Answer, two: Answer, keys: Sequence[str] | None = None) -> Iterator[str]:
    """One line with all that changed at a place."""
    parts = [key for key in unlike(one, two) if keys is None or key in keys]
    if parts:
        yield place + "; ".join(f"{key} {short(one.get(key))} -> {short(two.get(key))}" for key in parts)


def short(value: Any, most: int = 80) -> str:
    text = json.dumps(value)
    return text if len(text) <= most else f"{text[: most // 2]}...{text[-most // 4 :]} ({len(text)} characters)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("save", "compare"))
    parser.add_argument("directories", type=Path, nargs="+")
    parser.add_argument("--only", default="*", help="names of networks, such as 'timm/*'")
    parser.add_argument("--kinds", action="store_true", help="compare: count the differences by kind")
    parser.add_argument("--seconds", type=float, default=30, help="of the processor, for one network")
    parser.add_argument("--gigabytes", type=float, default=4, help="above the start, for one network")
    options = parser.parse_args()
    first, *others = options.directories
    if len(others) > (options.action == "compare"):
        parser.error("save takes one directory, compare one or two")
    limits = Limits(options.seconds, int(options.gigabytes * 1e9))
    chosen = subjects(options.only)
    if options.action == "save":
        save(chosen, first, limits)
        return 0
    with tempfile.TemporaryDirectory() as directory:
        if not others:
            held = saved(first)
            save((subject for subject in chosen if subject.name in held), Path(directory), limits)
        after = others[0] if others else Path(directory)
        tally = compare(first, after, options.only, by_kind=options.kinds)
    print(tally)
    return 1 if tally.differences else 0


if __name__ == "__main__":
    sys.exit(main())
