"""Whole models in torch, as they are and with striate's convolutions, rounds alternating in one process.

    python benchmarks/models.py [--models resnet18 unet ...] [--threads 1 2] [--layouts contiguous channels-last]
                                [--batch N] [--size 224] [--rounds 8] [--markdown table.md] [--quick]

float32, evaluation mode, without gradients, random weights. A time is the best of the rounds' medians. "all" is the
model after accelerate(model), "measured" after accelerate(model, example), which leaves to torch the layers that are
faster there; a ratio is torch's time over striate's: above 1, striate is faster. "layers" counts the convolutions that
the measurement gave to striate. The largest difference of the outputs, as a share of their scale, is checked.

torch's workers spin between layers unless the environment says OMP_WAIT_POLICY=PASSIVE; the table's title says which.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from striate.conv import set_threads
from striate.torch import accelerate

LAYOUTS = {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last}
VARIANTS = ("torch", "all", "measured")
WORST_ERROR = 1e-3
SECONDS_PER_ROUND = 0.3


class UNet(nn.Module):
    """Three levels of two 3x3 convolutions each, with skips, as for microscopy."""

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        widths = [channels, 2 * channels, 4 * channels]
        self.down = nn.ModuleList([self.block(a, b) for a, b in zip([3, *widths], widths, strict=False)])
        self.bottom = self.block(widths[-1], 2 * widths[-1])
        self.up = nn.ModuleList([nn.ConvTranspose2d(2 * width, width, 2, stride=2) for width in widths[::-1]])
        self.merge = nn.ModuleList([self.block(2 * width, width) for width in widths[::-1]])
        self.last = nn.Conv2d(channels, 2, 1)

    @staticmethod
    def block(before: int, after: int) -> nn.Module:
        layers = [(before, after), (after, after)]
        return nn.Sequential(*[
            layer for a, b in layers for layer in (nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU())
        ])  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for block in self.down:
            kept.append(block(x))
            x = nn.functional.max_pool2d(kept[-1], 2)
        x = self.bottom(x)
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat([up(x), kept.pop()], 1))
        return self.last(x)


def without_custom_operators() -> None:
    """Let torchvision import beside a torch for the CPU alone, which lacks the operators it registers."""
    if torch.version.cuda is None:
        sys.modules.setdefault("torchvision._meta_registrations", ModuleType("torchvision._meta_registrations"))


def of_torchvision(name: str) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        without_custom_operators()
        import torchvision

        return torchvision.models.get_model(name, weights=None)

    return make


def of_timm(name: str) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        without_custom_operators()
        import timm

        return timm.create_model(name, pretrained=False)

    return make


MODELS: dict[str, Callable[[], nn.Module]] = {
    "unet": UNet,
    "convnext_atto": of_timm("convnext_atto"),
    **{
        name: of_torchvision(name)
        for name in (
            "resnet18", "resnet50", "vgg16", "densenet121", "mobilenet_v3_large", "efficientnet_b0", "regnet_y_400mf",
            "squeezenet1_1",
        )
    },
}  # fmt: skip


class Row(NamedTuple):
    """One model's best median per variant, in milliseconds."""

    model: str
    layout: str
    threads: int
    ms: dict[str, float]
    given: int
    layers: int
    error: float

    def ratio(self, variant: str) -> float:
        return self.ms["torch"] / self.ms[variant]

    def cells(self) -> list[str]:
        times = [f"{self.ms[name]:.1f}" for name in VARIANTS]
        ratios = [f"{self.ratio(name):.2f}" for name in VARIANTS[1:]]
        return [self.model, self.layout, str(self.threads), *times, *ratios, f"{self.given} of {self.layers}"]


def variants(name: str, x: Tensor, layout: str) -> tuple[dict[str, nn.Module], int, int]:
    """The model three times, with how many of its convolutions were given to striate, and of how many."""
    torch.manual_seed(0)
    plain = MODELS[name]().eval().to(memory_format=LAYOUTS[layout])
    made = {variant: copy.deepcopy(plain) for variant in VARIANTS}
    accelerate(made["all"])
    report = accelerate(made["measured"], x)
    return made, len(report.swapped), len(report.swapped) + len(report.left)


def median_ms(model: nn.Module, x: Tensor) -> float:
    times, spent = [], 0.0
    while not times or (spent < SECONDS_PER_ROUND and len(times) < 50):
        before = time.perf_counter()
        model(x)
        times.append(time.perf_counter() - before)
        spent += times[-1]
    return 1e3 * statistics.median(times)


@torch.no_grad()
def measured(name: str, layout: str, threads: int, batch: int, size: int, rounds: int) -> Row:
    torch.set_num_threads(threads)
    set_threads(threads)
    x = torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(0))
    x = x.to(memory_format=LAYOUTS[layout])
    models, given, layers = variants(name, x, layout)
    expected = models["torch"](x)
    scale = float(expected.abs().max())
    error = max(float((model(x) - expected).abs().max()) / scale for model in models.values())
    if not error <= WORST_ERROR:
        raise SystemExit(f"{name}, {layout}: outputs differ by {error:.1e} of their scale")
    best = dict.fromkeys(VARIANTS, float("inf"))
    for turn in range(rounds):
        for variant in VARIANTS[turn % 3 :] + VARIANTS[: turn % 3]:
            best[variant] = min(best[variant], median_ms(models[variant], x))
    return Row(name, layout, threads, best, given, layers, error)


def table(rows: list[Row], batch: int, size: int) -> Iterator[str]:
    policy = os.environ.get("OMP_WAIT_POLICY", "as it is by default")
    yield f"Milliseconds for {batch}x3x{size}x{size}; torch {torch.__version__}; OMP_WAIT_POLICY {policy}."
    yield ""
    yield "| model | layout | threads | torch | all | measured | torch / all | torch / measured | layers |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in rows:
        yield f"| {' | '.join(row.cells())} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--layouts", nargs="+", choices=LAYOUTS, default=list(LAYOUTS))
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--quick", action="store_true", help="one round on small images")
    options = parser.parse_args()
    if options.quick:
        options.size, options.rounds = 64, 1
    rows = []
    for name in options.models:
        for layout in options.layouts:
            for threads in options.threads:
                row = measured(name, layout, threads, options.batch, options.size, options.rounds)
                rows.append(row)
                print(" ".join(row.cells()), f"error {row.error:.1e}", flush=True)
    lines = "\n".join(table(rows, options.batch, options.size))
    print(f"\n{lines}")
    if options.markdown:
        options.markdown.write_text(f"{lines}\n")


if __name__ == "__main__":
    main()
