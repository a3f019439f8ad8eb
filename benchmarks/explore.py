"""How long exploring takes: a whole sweep of gratings, and the strongest patches of many photographs.

    python benchmarks/explore.py [MODEL LAYER] [--input 1x3x300x300] [--photos 1000] [--black -1] [--rounds 3]

The sweep is the default experiment, 24 angles x 16 phases x 4 frequencies, answered for every channel of LAYER; the
photographs are JPEG files of 640x480, cut from scikit-image's pictures. The model is read anew each time. Seconds are
of the clock and of the processor (user and system, all threads together), the smallest of the rounds.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import skimage.data
from PIL import Image

from striate.explore import strongest, tuning
from striate.formats.model import Model
from striate.formats.named import named_source

PICTURES = ("astronaut", "chelsea", "coffee", "rocket", "stereo_motorcycle")
SIZE = (640, 480)
FREQUENCIES = (0.25, 0.125, 0.0625, 0.03125)
OBJECTS = Path(os.environ.get("STRIATE_OBJECTS") or Path.home() / ".cache" / "striate") / "objects.tflite"
DEEP = "FeatureExtractor/MobilenetV2/expanded_conv_6/expand/Relu6"


def photographs(folder: Path, count: int) -> None:
    """Write JPEG files, each another cut of one of the pictures."""
    random = np.random.default_rng(0)
    held = [getattr(skimage.data, name)() for name in PICTURES]
    sources = [picture[0] if isinstance(picture, tuple) else picture for picture in held]
    for k in range(count):
        picture = sources[k % len(sources)]
        top, left = (random.integers(0, n // 3) for n in picture.shape[:2])
        Image.fromarray(picture[top:, left:]).resize(SIZE).save(folder / f"{k:05}.jpg", quality=90)


def timed(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Seconds of the clock and of the processor, the smallest of some rounds."""
    found = []
    for _ in range(rounds):
        started, used = time.perf_counter(), time.process_time()
        work()
        found.append((time.perf_counter() - started, time.process_time() - used))
    return min(clock for clock, _ in found), min(processor for _, processor in found)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", nargs="?", default=str(OBJECTS), help="default: the network for objects")
    parser.add_argument("layer", nargs="?", default=DEEP)
    parser.add_argument("--input", type=lambda text: tuple(map(int, text.split("x"))))
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--black", type=float, default=-1.0)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    source, shown = named_source(given.model), {"black": given.black, "white": 1.0}
    found: list[Any] = []

    def swept() -> None:
        found.append(tuning(Model(source), given.layer, given.input, frequencies=FREQUENCIES, **shown))

    with TemporaryDirectory() as place:
        photographs(Path(place), given.photos)
        sweep = timed(swept, given.rounds)
        patches = timed(lambda: strongest(Model(source), given.layer, place, input_shape=given.input, **shown), 1)
    field, channels = " x ".join(map(str, found[0].field.shape)), len(found[0].channels)
    print(f"{Path(given.model).name}, {given.layer}: field {field}, {channels} channels")
    print("\n| | seconds | processor seconds |\n|---|---|---|")
    print(f"| 24 angles x 16 phases x 4 frequencies | {sweep[0]:.2f} | {sweep[1]:.2f} |")
    print(f"| strongest patches of {given.photos} photographs | {patches[0]:.2f} | {patches[1]:.2f} |")


if __name__ == "__main__":
    main()
