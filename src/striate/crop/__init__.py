"""Networks restricted to boxes of their tensors: exactly what a region needs, as a network of its own."""

from striate.crop.crop import Costs, Crop, crop
from striate.crop.crops import Crops
from striate.crop.joins import Join, Joined
from striate.crop.stages import Stage, stages

__all__ = ["Costs", "Crop", "Crops", "Join", "Joined", "Stage", "crop", "stages"]
