"""Networks restricted to boxes of their tensors: exactly what a region needs, as a network of its own."""

from striate.crop.crop import Crop, crop

__all__ = ["Crop", "crop"]
