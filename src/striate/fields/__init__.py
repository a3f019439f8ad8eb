"""Receptive fields, exact covers, effective fields and costs of a network."""

from striate.fields.borders import Borders, borders
from striate.fields.costs import Costs, costs
from striate.fields.effective import Effective, effective_field, effective_field_gradient
from striate.fields.fields import AxisField, Field, Fields, Misalignment, Span
from striate.fields.queries import Placed, Reach, Region, reach, region
from striate.fields.sizes import Comparison, Difference, Misfit, SizePoint, Sweep, compare, sweep
from striate.fields.spans import Status
from striate.fields.unit import Unit

__all__ = [
    "AxisField",
    "Borders",
    "Comparison",
    "Costs",
    "Difference",
    "Effective",
    "Field",
    "Fields",
    "Misalignment",
    "Misfit",
    "Placed",
    "Reach",
    "Region",
    "SizePoint",
    "Span",
    "Status",
    "Sweep",
    "Unit",
    "borders",
    "compare",
    "costs",
    "effective_field",
    "effective_field_gradient",
    "reach",
    "region",
    "sweep",
]
