"""The tables of aten operators, one file per family."""

from __future__ import annotations

from striate.network.torch_reader.aten import arithmetic, arrange, masking, products, resizing, spatial, viewing
from striate.network.torch_reader.aten.names import CONSTANTS, label_of

__all__ = ["CONSTANTS", "arithmetic", "arrange", "label_of", "masking", "products", "resizing", "spatial", "viewing"]
