"""Time and memory of the analysis, measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import resource, sys, time
from types import ModuleType
import torch
sys.modules["torchvision._meta_registrations"] = ModuleType("x")
import torchvision, striate
from striate.formats.torch import reader
module = torchvision.models.resnet152(weights=None)
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
fields = striate.load(module, (1, 3, 224, 224)).fields()
sizes = [fields[name].axes["width"].size for name in fields]
print(time.process_time() - start, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, len(sizes))
"""


def test_resnet152_takes_little_time_and_memory() -> None:
    """Bounds four times the targets in time, for busy machines, and the target itself in memory."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", SCRIPT], capture_output=True, text=True, check=True)
    seconds, megabytes, layers = map(float, done.stdout.split())
    assert layers > 500
    assert seconds < 2
    assert megabytes < 200
