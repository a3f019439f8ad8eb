"""The seed's program runs as it stands and prints the seed's shapes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def test_the_seed_program_prints_its_shapes() -> None:
    pytest.importorskip("skimage")
    program = Path(__file__).parents[2] / "examples" / "seed_conv2d.py"
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[:4] == [
        "(512, 512, 3)",
        "(3, 512, 512)",
        "batch_size: 1, channels: 3, height: 512, width: 512",
        "batch_size: 1, channels: 32, height: 512, width: 512",
    ]
    stated, explained = done.stdout.split("is ")[1].split(":")[0], done.stdout.split("value ")[1].split(" =")[0]
    assert float(stated) == pytest.approx(float(explained), abs=1e-5)
