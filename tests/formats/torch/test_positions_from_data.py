"""torchvision's operators whose positions come from data: they see everything, and the fields name them.

torchvision's compiled library does not load beside a CPU-only torch, so where it is missing the operators are declared
here with its signatures and their output shapes alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

import striate
from striate.errors import UnsupportedError

DEFORM = (
    "deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, SymInt stride_h,"
    " SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, SymInt dilation_w, SymInt groups,"
    " SymInt offset_groups,"
    " bool use_mask) -> Tensor"
)
ROI = (
    "roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width,"
    " int sampling_ratio, bool aligned) -> Tensor"
)
NMS = "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


@pytest.fixture(scope="module", autouse=True)
def operators() -> Iterator[None]:
    if hasattr(torch.ops.torchvision, "deform_conv2d"):
        yield
        return
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in (DEFORM, ROI, NMS):
        library.define(schema)
    library.impl("deform_conv2d", lambda x, w, *rest: x.new_empty(x.shape[0], w.shape[0], *x.shape[2:]), "Meta")
    library.impl("roi_align", lambda x, rois, scale, h, w, *rest: x.new_empty(len(rois), x.shape[1], h, w), "Meta")
    yield
    library._destroy()


class Deformable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.offset, self.weight = nn.Conv2d(3, 18, 3, padding=1), nn.Parameter(torch.ones(4, 3, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        empty = x.new_zeros(0)
        steps = (1, 1, 1, 1, 1, 1, 1, 1, False)
        return torch.ops.torchvision.deform_conv2d(x, self.weight, self.offset(x), empty, empty, *steps)


class Crop(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        boxes = torch.tensor([[0.0, 0.0, 0.0, 4.0, 4.0]], device=x.device)
        return torch.ops.torchvision.roi_align(x, boxes, 1.0, 2, 2, -1, False)


class Suppress(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.torchvision.nms(x[0, 0, :, :4], x[0, 0, :, 0], 0.5)


@pytest.mark.parametrize("kind", [Deformable, Crop])
def test_they_see_everything_and_are_named(kind: type[nn.Module]) -> None:
    fields = striate.load(kind(), (1, 3, 8, 8)).fields()
    last = list(fields)[-1]
    assert {axis.status for axis in fields[last].axes.values()} == {"whole"}
    assert fields[last].global_via == (last,)


def test_suppression_sizes_its_output_by_data_and_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match="nms"):
        striate.load(Suppress(), (1, 3, 8, 8))
