"""Models and crops of them run on values: one executor per runtime, all behind one method."""

from striate.run.cropping import part_of, save
from striate.run.onnx import OnnxRunner, runner
from striate.run.reference import ReferenceRunner
from striate.run.runner import Array, Runner

__all__ = ["Array", "OnnxRunner", "ReferenceRunner", "Runner", "part_of", "runner", "save"]
