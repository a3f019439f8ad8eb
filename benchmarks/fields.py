"""Fields of real architectures beside torchlens, torchinfo and thop, in one run.

    python benchmarks/fields.py [--models resnet50 ...] [--rounds 5]

For each model: seconds from a torch module to every layer's field (striate and torchlens), and to a summary
without fields (torchinfo, thop) for scale; seconds from an ONNX file with full-size weights; the time of one
hull query and of one exact cover. Rounds alternate between the tools; medians are printed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import resource
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

if torch.version.cuda is None:
    sys.modules.setdefault("torchvision._meta_registrations", ModuleType("torchvision._meta_registrations"))
import torchvision

import striate

MODELS = ("resnet50", "resnet152", "densenet201", "inception_v3", "efficientnet_b0")
SHAPE = (1, 3, 224, 224)


def tools(module: torch.nn.Module, onnx_file: Path | None) -> dict[str, Callable[[], object]]:
    """What is timed, by name; a tool that is not installed is left out."""
    found: dict[str, Callable[[], object]] = {"striate": lambda: _all(striate.load(module, SHAPE))}
    if onnx_file:
        found["striate, ONNX"] = lambda: _all(striate.load(onnx_file))
    with contextlib.suppress(ImportError):
        import torchlens

        found["torchlens"] = lambda: _torchlens(torchlens, module)
    with contextlib.suppress(ImportError):
        import torchinfo

        found["torchinfo"] = lambda: torchinfo.summary(module, SHAPE, verbose=0)
    with contextlib.suppress(ImportError):
        import thop

        found["thop"] = lambda: thop.profile(module, (torch.zeros(SHAPE),), verbose=False)
    return found


def _all(network: striate.LoadedModel) -> list[Any]:
    fields = network.fields()
    return [fields[name].axes for name in fields]


def _torchlens(torchlens: ModuleType, module: torch.nn.Module) -> list[Any]:
    trace = torchlens.trace(module, torch.zeros(SHAPE))
    found = []
    for layer in trace.layers:
        with contextlib.suppress(Exception):
            found.append(layer.receptive_field.size)
    return found


def export(module: torch.nn.Module, path: Path) -> Path | None:
    """The module as an ONNX file with its weights; None where the exporter is not installed."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            torch.onnx.export(module, (torch.zeros(SHAPE),), path, dynamo=False)
    except (ImportError, ModuleNotFoundError):
        return None
    return path


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def queries(network: striate.LoadedModel) -> tuple[float, float]:
    """Median seconds of a hull query and of an exact cover at a layer three quarters down."""
    fields = network.fields()
    names = [name for name in fields if len(fields[name].shape) == 4]
    layer = names[len(names) * 3 // 4]
    at = [n // 2 for n in fields[layer].shape[2:]]
    fields.hull(layer, at)
    hulls = [seconds(lambda: fields.hull(layer, at)) for _ in range(200)]
    covers = [seconds(lambda: network.region(layer, at).mask) for _ in range(30)]
    return statistics.median(hulls), statistics.median(covers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(2)
    print("| model | tool | seconds | torchlens / striate |\n|---|---|---|---|")
    for name in options.models:
        module = torchvision.models.get_model(name, weights=None, init_weights=False) if "ception" in name else (
            torchvision.models.get_model(name, weights=None)
        )
        module.eval()
        with tempfile.TemporaryDirectory() as directory:
            works = tools(module, export(module, Path(directory) / f"{name}.onnx"))
            times: dict[str, list[float]] = {tool: [] for tool in works}
            for work in works.values():
                work()
            for _ in range(options.rounds):
                for tool, work in works.items():
                    times[tool].append(seconds(work))
            medians = {tool: statistics.median(values) for tool, values in times.items()}
        for tool, value in medians.items():
            compared = tool.startswith("striate") and "torchlens" in medians
            ratio = f"{medians['torchlens'] / value:.0f}x" if compared else ""
            print(f"| {name} | {tool} | {value:.3f} | {ratio} |", flush=True)
    hull, cover = queries(striate.load(torchvision.models.resnet18(weights=None), SHAPE))
    print(f"\nresnet18 at 224: hull query {hull * 1e3:.3f} ms, exact cover {cover * 1e3:.2f} ms")
    print(f"peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
