"""Models run on values: one executor per runtime, all behind one method."""

from striate.run.runner import Array, Runner

__all__ = ["Array", "Runner"]
