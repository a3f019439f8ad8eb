"""What the units of a network answer to: stimuli on their exact fields, tuning, maps, curves, steps."""

from striate.explore.bench import Bench, bench
from striate.explore.control import shuffled
from striate.explore.curves import Curve, contrast_curve, size_curve
from striate.explore.equivariance import Shift, Unmeasured
from striate.explore.features import FeatureMaps, feature_maps
from striate.explore.hierarchy import Hierarchy, Stage, hierarchy
from striate.explore.maps import SpotMaps, noise_average, spot_maps
from striate.explore.product import Product
from striate.explore.sharing import Count, Sharing, sharing
from striate.explore.sparse import SparseProduct, TooLarge
from striate.explore.steps import Step, step
from striate.explore.strongest import Strongest, StrongUnit, strongest
from striate.explore.tuning import Tuning, tuning
from striate.explore.weights import Kernels, kernels

__all__ = [
    "Bench",
    "Count",
    "Curve",
    "FeatureMaps",
    "Hierarchy",
    "Kernels",
    "Product",
    "Sharing",
    "Shift",
    "SparseProduct",
    "SpotMaps",
    "Stage",
    "Step",
    "StrongUnit",
    "Strongest",
    "TooLarge",
    "Tuning",
    "Unmeasured",
    "bench",
    "contrast_curve",
    "feature_maps",
    "hierarchy",
    "kernels",
    "noise_average",
    "sharing",
    "shuffled",
    "size_curve",
    "spot_maps",
    "step",
    "strongest",
    "tuning",
]
