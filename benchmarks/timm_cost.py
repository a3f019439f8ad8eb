"""What every architecture of timm costs to read: seconds and peak memory, each in a process of its own.

    python benchmarks/timm_cost.py table.csv [--models 'vit_*' ...] [--jobs N] [--seconds 60] [--megabytes 4000]

Each module stands on the meta device, at its own input size; what is timed is the reading, the fields and every
layer's answer. Seconds are the processor's, of one thread; megabytes the peak above what the process held before.
A table that is there already is gone on with. In the end the twenty slowest and the twenty largest are printed, and
how many were read, refused by name, and failed.
"""

from __future__ import annotations

import argparse
import csv
import fnmatch
import sys
import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from time import process_time
from types import ModuleType

import torch
from apart import Begin, Outcome, Work, outcomes

if torch.version.cuda is None:
    sys.modules.setdefault("torchvision._meta_registrations", ModuleType("torchvision._meta_registrations"))
import timm

import striate
from striate.errors import InputError, UnsupportedError

COLUMNS = ("model", "outcome", "seconds", "megabytes", "reading", "fields", "answers", "layers", "said")


def on_meta(name: str) -> torch.nn.Module:
    """The module without weights; built with them where its constructor needs values."""
    try:
        with torch.device("meta"):
            return timm.create_model(name, pretrained=False).eval()
    except (RuntimeError, NotImplementedError, ValueError):
        return timm.create_model(name, pretrained=False).eval().to("meta")


def read(name: str) -> Work:
    """The work of one architecture: the seconds of each part and the number of layers, or the refusal."""

    def work(begin: Begin) -> object:
        module = on_meta(name)
        shape = (1, *module.pretrained_cfg.get("input_size", (3, 224, 224)))
        begin()
        times = [process_time()]
        try:
            network = striate.load(module, shape)
            times.append(process_time())
            fields = network.fields()
        except (UnsupportedError, InputError) as refusal:
            return str(refusal)
        times.append(process_time())
        answers = [fields[layer] for layer in fields]
        times.append(process_time())
        return *(after - before for before, after in pairwise(times)), len(answers)

    return work


def row(name: str, outcome: Outcome) -> dict[str, object]:
    found: dict[str, object] = dict.fromkeys(COLUMNS, "")
    found |= {"model": name, "outcome": outcome.word, "said": " ".join(str(outcome.answer).split())}
    found |= {"seconds": f"{outcome.seconds:.2f}", "megabytes": f"{outcome.megabytes:.0f}"}
    if isinstance(outcome.answer, tuple):
        *parts, layers = outcome.answer
        found |= dict(zip(("reading", "fields", "answers"), (f"{part:.2f}" for part in parts), strict=True))
        found |= {"outcome": "read", "layers": layers, "said": ""}
    elif outcome.word == "done":
        found["outcome"] = "refused"
    return found


def kept(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def entered(path: Path, names: list[str], options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """The rows of the architectures that the table lacks, each written to it."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        works = ((name, read(name)) for name in names)
        limits = {"seconds": options.seconds, "megabytes": options.megabytes}
        for name, outcome in outcomes(works, jobs=options.jobs, **limits):
            found = row(name, outcome)
            writer.writerow(found)
            file.flush()
            yield found


def printed(rows: list[dict[str, str]]) -> Iterator[str]:
    """The slowest, the largest, and the counts."""
    keys: tuple[tuple[str, Callable[[dict[str, str]], float]], ...] = (
        ("slowest", lambda found: float(found["seconds"])),
        ("largest", lambda found: float(found["megabytes"])),
    )
    for word, key in keys:
        yield f"\n| {word} | seconds | MB | reading | fields | answers | layers |\n|---|---|---|---|---|---|---|"
        for found in sorted(rows, key=key, reverse=True)[:20]:
            columns = ("model", "seconds", "megabytes", "reading", "fields", "answers", "layers")
            yield f"| {' | '.join(found[column] for column in columns)} |"
    counts = {word: [found for found in rows if found["outcome"] == word] for word in ("read", "refused")}
    failed = [found for found in rows if found["outcome"] not in counts]
    yield f"\n{len(counts['read'])} read, {len(counts['refused'])} refused, {len(failed)} failed"
    yield from (f"  {found['model']}: {found['outcome']}, {found['said']}" for found in counts["refused"] + failed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--models", nargs="+", default=["*"], help="names, or patterns of names")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--megabytes", type=int, default=4000)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    wanted = [name for name in timm.list_models() if any(fnmatch.fnmatch(name, one) for one in options.models)]
    there = {found["model"] for found in kept(options.table)}
    for found in entered(options.table, [name for name in wanted if name not in there], options):
        print(found["model"], found["outcome"], found["seconds"], "s", found["megabytes"], "MB", flush=True)
    print("\n".join(printed([found for found in kept(options.table) if found["model"] in wanted])))


if __name__ == "__main__":
    main()
