"""Shared set-up: one thread for torch, and torchvision made importable beside a CPU-only torch."""

from __future__ import annotations

import sys
from types import ModuleType

import torch

torch.set_num_threads(1)
if torch.version.cuda is None:
    sys.modules.setdefault("torchvision._meta_registrations", ModuleType("torchvision._meta_registrations"))
