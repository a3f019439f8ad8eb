"""What the units of a network answer to: stimuli on their exact fields, tuning, maps, curves, steps."""

from striate.explore.bench import Bench, bench
from striate.explore.control import shuffled
from striate.explore.curves import Curve, contrast_curve, size_curve
from striate.explore.features import FeatureMaps, Strongest, StrongUnit, feature_maps, strongest
from striate.explore.maps import SpotMaps, noise_average, spot_maps
from striate.explore.product import Product
from striate.explore.steps import Step, step
from striate.explore.tuning import Tuning, tuning

__all__ = [
    "Bench",
    "Curve",
    "FeatureMaps",
    "Product",
    "SpotMaps",
    "Step",
    "StrongUnit",
    "Strongest",
    "Tuning",
    "bench",
    "contrast_curve",
    "feature_maps",
    "noise_average",
    "shuffled",
    "size_curve",
    "spot_maps",
    "step",
    "strongest",
    "tuning",
]
