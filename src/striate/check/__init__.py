"""Proofs of claimed fields on the user's own model, run by its own runtime."""

from striate.check.prove import check
from striate.check.report import CheckReport, Disagreement, Progress, UnitCheck

__all__ = ["CheckReport", "Disagreement", "Progress", "UnitCheck", "check"]
