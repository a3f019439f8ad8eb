"""Proofs of claimed fields on the user's own model, run by its own runtime."""

from striate.check.prove import check
from striate.check.report import CheckReport, Disagreement, UnitCheck
from striate.progress import Progress

__all__ = ["CheckReport", "Disagreement", "Progress", "UnitCheck", "check"]
