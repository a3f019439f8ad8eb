"""How the analysis grows: seconds and peak memory against depth, width, image side and tokens.

    python benchmarks/scaling.py [--only depth tokens ...] [--plot growth.svg] [--jobs N] [--largest N]

Every row is a module on the meta device, read, followed and asked for all its layers in a process of its own. Seconds
are the processor's, of one thread; megabytes the peak above what the process held before. "hull" is the first hull
query after that, which works out the true hulls of all units. ``--plot`` needs matplotlib.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time

import torch
from apart import Begin, Outcome, Work, outcomes, peak
from torch import Tensor, nn
from torch.nn import functional as F

import striate


class Residual(nn.Module):
    """A convolution beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.conv(x))


class Attention(nn.Module):
    """Attention of tokens, written out or as torch's function."""

    def __init__(self, written: bool) -> None:
        super().__init__()
        self.written = written
        self.qkv = nn.Linear(8, 24)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        if self.written:
            return x + torch.softmax(q @ k.transpose(1, 2), -1) @ v
        return x + F.scaled_dot_product_attention(q, k, v)


class Transformer(nn.Module):
    """Patches of four by four, a class token, two blocks of either kind of attention, and back to an image."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.token = nn.Conv2d(3, 8, 4, 4), nn.Parameter(torch.zeros(1, 1, 8))
        self.blocks = nn.Sequential(Attention(True), Attention(False))

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x)
        tokens = torch.cat([self.token, x.flatten(2).transpose(1, 2)], 1)
        return self.blocks(tokens)[:, 1:].transpose(1, 2).reshape(x.shape)


class Dense(nn.Module):
    """``count`` layers, each of which reads all before it."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(8 * (k + 1), 8, 3, padding=1) for k in range(count))

    def forward(self, x: Tensor) -> Tensor:
        parts = [x]
        for layer in self.layers:
            parts.append(layer(torch.cat(parts, 1)))
        return parts[-1]


def image(side: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), Residual(8), nn.MaxPool2d(2), Residual(8),
        nn.Upsample(scale_factor=2), nn.Conv2d(8, 8, 3), nn.AdaptiveAvgPool2d(1),
    )  # fmt: skip


def signal(count: int) -> nn.Module:
    return nn.Sequential(*(nn.Conv1d(1 if not k else 8, 8, 5, 2, 2) for k in range(6)))


Made = tuple[nn.Module, tuple[int, ...]]
Make = Callable[[int], Made]
CASES: dict[str, tuple[str, tuple[int, ...], Make]] = {
    "depth": ("layers", (10, 50, 200, 1000, 2000), lambda n: (
        nn.Sequential(nn.Conv2d(3, 8, 3), *(Residual(8) for _ in range(n))), (1, 3, 64, 64))),
    "width": ("channels", (8, 64, 512, 4096), lambda n: (
        nn.Sequential(nn.Conv2d(3, n, 3), Residual(n), nn.Conv2d(n, n, 3, groups=n)), (1, 3, 64, 64))),
    "dense": ("layers", (10, 50, 100, 200), lambda n: (Dense(n), (1, 8, 32, 32))),
    "side": ("pixels", (64, 256, 1024, 10_000, 100_000), lambda n: (image(n), (1, 3, n, n))),
    "samples": ("samples", (10_000, 100_000, 1_000_000, 10_000_000), lambda n: (signal(n), (1, 1, n))),
    "tokens": ("tokens", (49, 196, 1024, 4096, 16_384), lambda n: (
        Transformer(), (1, 3, 4 * round(n**0.5), 4 * round(n**0.5)))),
}  # fmt: skip


def asked(make: Make, size: int) -> Work:
    """Read a module, ask for every layer, then for one hull: layers, seconds and megabytes of both parts."""

    def work(begin: Begin) -> object:
        with torch.device("meta"):
            module, shape = make(size)
        begin()
        start = process_time()
        fields = striate.load(module.eval(), shape).fields()
        layers = [fields[name] for name in fields]
        read, most = process_time() - start, peak()
        units = layers[-1].shape[2:] if len(layers[-1].shape) > 2 else layers[-1].shape[1:]
        fields.hull(layers[-1].name, [n // 2 for n in units])
        return len(layers), read, process_time() - start - read, peak() - most

    return work


def row(case: str, size: int, outcome: Outcome) -> list[object]:
    if not isinstance(outcome.answer, tuple):
        return [case, size, outcome.word, outcome.answer, "", "", ""]
    layers, read, hull, more = outcome.answer
    return [case, size, layers, f"{read:.2f}", f"{outcome.megabytes - more:.0f}", f"{hull:.2f}", f"{more:.0f}"]


def measured(cases: list[str], largest: int, jobs: int) -> Iterator[list[object]]:
    works = [(f"{case} {n}", asked(CASES[case][2], n)) for case in cases for n in CASES[case][1] if n <= largest]
    for name, outcome in outcomes(works, jobs=jobs, seconds=120, megabytes=6000):
        case, size = name.split()
        yield row(case, int(size), outcome)


def plotted(rows: list[list[object]], path: Path) -> None:
    """Seconds and megabytes over size, a column for each case, both axes logarithmic."""
    from matplotlib import pyplot

    pyplot.rcParams["svg.fonttype"] = "none"
    cases = list(dict.fromkeys(str(found[0]) for found in rows))
    figure, axes = pyplot.subplots(2, len(cases), figsize=(2.6 * len(cases), 5), sharey="row", squeeze=False)
    for column, case in zip(axes.T, cases, strict=True):
        mine = sorted((found for found in rows if found[0] == case and found[6] != ""), key=lambda found: found[1])
        for axis, place, word in zip(column, (3, 4), ("seconds", "megabytes"), strict=True):
            axis.loglog([found[1] for found in mine], [max(float(str(found[place])), 0.01) for found in mine], "o-")
            axis.set_ylabel(word if case == cases[0] else "")
        column[0].set_title(case)
        column[1].set_xlabel(CASES[case][0])
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--largest", type=int, default=10**9, help="leave larger sizes out")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    striate.load(nn.Conv2d(3, 3, 3).to("meta"), (1, 3, 8, 8))  # what torch imports when it is first traced
    print("| case | size | layers | seconds | MB | hull, seconds | MB more |\n|---|---|---|---|---|---|---|")
    rows = []
    for found in measured(options.only, options.largest, options.jobs):
        print(f"| {' | '.join(map(str, found))} |", flush=True)
        rows.append(found)
    if options.plot:
        plotted(rows, options.plot)


if __name__ == "__main__":
    main()
