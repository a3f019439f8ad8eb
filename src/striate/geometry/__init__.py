"""One axis at a time: intervals, windows, padding conventions and axis maps. Integers and fractions only."""

from striate.geometry.axis_map import (
    AxisMap,
    Border,
    Groups,
    Prefix,
    Run,
    TapMap,
    Whole,
    adaptive_map,
    expand_map,
    gather_map,
    mask_map,
    pad_map,
    part_map,
    slice_map,
    strided,
    transposed_map,
    window_map,
)
from striate.geometry.box import Box
from striate.geometry.interval import Interval
from striate.geometry.padding import CaffeCeil, Convention, Explicit, Padding, resolve_padding
from striate.geometry.resize import (
    Coordinates,
    Interpolation,
    Rounding,
    picked_map,
    resize_map,
    resize_place,
    stated_ratio,
)
from striate.geometry.runs import Runs, places, solid
from striate.geometry.window import Window

__all__ = [
    "AxisMap",
    "Border",
    "Box",
    "CaffeCeil",
    "Convention",
    "Coordinates",
    "Explicit",
    "Groups",
    "Interpolation",
    "Interval",
    "Padding",
    "Prefix",
    "Rounding",
    "Run",
    "Runs",
    "TapMap",
    "Whole",
    "Window",
    "adaptive_map",
    "expand_map",
    "gather_map",
    "mask_map",
    "pad_map",
    "part_map",
    "picked_map",
    "places",
    "resize_map",
    "resize_place",
    "resolve_padding",
    "slice_map",
    "solid",
    "stated_ratio",
    "strided",
    "transposed_map",
    "window_map",
]
