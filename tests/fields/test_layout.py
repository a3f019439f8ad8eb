"""What an input's axes are: told by the convolutions that read it, else by their number, or by the user."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.oracle import Builder

from striate.errors import InputError
from striate.fields import Fields, region
from striate.geometry import Interval
from striate.network.relation import Shape

SAME = ((1, 1), (1, 1))


def conv(b: Builder, x: str) -> str:
    return b("conv", x, out_channels=4, kernel=(3, 3), padding=SAME)


def unbatched(b: Builder) -> str:
    return b("reshape", conv(b, b("reshape", "image", shape=(1, 3, 8, 9))), shape=(4, 8, 9))


def channels_last(b: Builder) -> str:
    return b("transpose", conv(b, b("transpose", "image", order=(0, 3, 1, 2))), order=(0, 2, 3, 1))


def video(b: Builder) -> str:
    return conv(b, b("reshape", "image", shape=(10, 3, 8, 9)))


def spectrogram(b: Builder) -> str:
    return conv(b, b("reshape", "image", shape=(2, 1, 8, 9)))


def time_first(b: Builder) -> str:
    x = b("transpose", b("linear", "image", out_features=5), order=(0, 2, 1))
    return b("conv", x, out_channels=4, kernel=(3,), padding=((1, 1),))


@pytest.mark.parametrize(
    ("shape", "make", "layout"),
    [
        ((3, 8, 9), unbatched, "CHW"),
        ((1, 8, 9, 3), channels_last, "NHWC"),
        ((2, 5, 3, 8, 9), video, "NTCHW"),
        ((2, 8, 9), spectrogram, "NHW"),
        ((2, 8, 6), time_first, "NLC"),
        ((1, 3, 8, 9), lambda b: conv(b, "image"), "NCHW"),
        ((2, 3, 9), lambda b: b("elementwise", "image"), "NCL"),
    ],
)
def test_convolutions_tell_the_layout(shape: Shape, make: Callable[[Builder], str], layout: str) -> None:
    b = Builder(*shape)
    make(b)
    assert Fields(b.network()).layout == layout


def test_an_unbatched_image_has_height_and_width() -> None:
    b = Builder(3, 8, 9)
    out = unbatched(b)
    fields = Fields(b.network())
    axes = fields[out].axes
    assert [(name, axis.status, axis.size, axis.start, axis.along) for name, axis in axes.items()] == [
        ("height", "exact", 3, -1, 1),
        ("width", "exact", 3, -1, 2),
    ]
    assert region(fields, out, (0, 4)).hull == (Interval(0, 2), Interval(3, 6))


def test_a_layout_may_name_any_axes() -> None:
    b = Builder(8, 9)
    b("elementwise", "image", name="out")
    assert list(Fields(b.network(), layout="HW")["out"].axes) == ["height", "width"]


@pytest.mark.parametrize("layout", ["HH", "NCHW", "XY", "H", "Hw"])
def test_a_layout_that_does_not_fit_is_refused(layout: str) -> None:
    b = Builder(8, 9)
    b("elementwise", "image")
    with pytest.raises(InputError, match="does not name the 2 axes"):
        Fields(b.network(), layout=layout)


def test_axes_that_nothing_tells_are_asked_for() -> None:
    b = Builder(1, 2, 3, 4, 5, 6)
    b("elementwise", "image")
    with pytest.raises(InputError, match="name them with layout"):
        Fields(b.network())
