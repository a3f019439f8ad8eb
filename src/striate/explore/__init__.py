"""What the units of a network answer to: stimuli, tuning, features, and one output taken apart."""

from striate.explore.tuning import Tuning, tuning

__all__ = ["Tuning", "tuning"]
