"""Networks restricted to boxes of their tensors: exactly what a region needs, as a network of its own."""

from striate.crop.crop import Costs, Crop, crop

__all__ = ["Costs", "Crop", "crop"]
