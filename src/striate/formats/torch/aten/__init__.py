"""The tables of aten operators, one file per family."""

from __future__ import annotations

from striate.formats.torch.aten import arithmetic, arrange, masking, products, resizing, spatial, spectral, viewing
from striate.formats.torch.aten.names import CONSTANTS, label_of

__all__ = [
    "CONSTANTS",
    "arithmetic",
    "arrange",
    "label_of",
    "masking",
    "products",
    "resizing",
    "spatial",
    "spectral",
    "viewing",
]
