"""Receptive fields, exact covers, effective fields and costs of a network."""

from striate.fields.fields import AxisField, Field, Fields, Misalignment, Span

__all__ = ["AxisField", "Field", "Fields", "Misalignment", "Span"]
