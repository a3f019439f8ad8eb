"""Interior and padding shares, counted by hand."""

from __future__ import annotations

from fractions import Fraction

from support.oracle import Builder

from striate.fields import Fields
from striate.fields.borders import Borders, borders
from striate.geometry import Interval


# (.) 0 1 2 3 4 5 6 7 (.) -> conv3 twice: units 2..5 touch no padding
def test_two_padded_convolutions() -> None:
    b = Builder(1, 1, 8)
    x = b("conv", "image", out_channels=1, kernel=(3,), padding=((1, 1),))
    x = b("conv", x, out_channels=1, kernel=(3,), padding=((1, 1),))
    found = borders(Fields(b.network()), x)
    assert found.interior == (Interval(2, 6),)
    assert (found.centre, found.corner) == (Fraction(0), Fraction(2, 5))


def test_corner_share_multiplies_over_axes() -> None:
    b = Builder(1, 1, 8, 8)
    x = b("conv", "image", out_channels=1, kernel=(3, 3), padding=((1, 1), (1, 1)))
    assert borders(Fields(b.network()), x).corner == 1 - Fraction(2, 3) ** 2


def test_a_field_larger_than_the_image_has_no_interior() -> None:
    b = Builder(1, 1, 4)
    x = b("conv", "image", out_channels=1, kernel=(7,), padding=((3, 3),))
    found = borders(Fields(b.network()), x)
    assert found.interior[0].empty
    assert found.corner == Fraction(3, 7)


def test_a_global_layer_has_no_share() -> None:
    b = Builder(1, 1, 8)
    x = b("elementwise", "image", b("reduce", "image", axes=(2,)))
    assert borders(Fields(b.network()), x).corner is None


# Height stands first and width third: their units are still those of the image.
def test_borders_follow_an_axis_through_a_transpose() -> None:
    b = Builder(1, 5, 8, 12)
    x = b("conv", "image", out_channels=5, kernel=(3, 3), padding=((1, 1), (1, 1)))
    plain = borders(Fields(b.network()), x)
    moved = b("linear", b("transpose", x, order=(2, 0, 3, 1)), out_features=5, name="dense")
    back = b("transpose", moved, order=(1, 3, 0, 2))
    fields = Fields(b.network())
    assert plain.interior == (Interval(1, 7), Interval(1, 11))
    assert borders(fields, moved) == borders(fields, back) == plain
    assert [axis.along for axis in fields["dense"].axes.values()] == [0, 2]


# The height of one row is dropped and comes back: one unit, which sees [-1, 2) of it, a third of that inside.
def test_an_axis_of_one_unit_has_its_share() -> None:
    b = Builder(1, 1, 1, 8)
    x = b("conv", "image", out_channels=1, kernel=(3, 3), padding=((1, 1), (1, 1)), name="seen")
    b("reshape", b("reshape", x, shape=(1, 1, 8)), shape=(1, 1, 1, 8), name="back")
    fields = Fields(b.network())
    assert (fields["back"].axes["height"].stride, fields["back"].axes["height"].along) == (None, None)
    assert borders(fields, "back") == borders(fields, "seen")
    assert borders(fields, "back").corner == 1 - Fraction(1, 3) * Fraction(2, 3)


def test_a_unit_that_stands_for_all_is_interior_where_all_see_their_field() -> None:
    b = Builder(1, 3, 1, 8)
    x = b("reshape", b("reshape", "image", shape=(1, 3, 8)), shape=(1, 3, 1, 8))
    found = borders(Fields(b.network()), x)
    assert found == Borders((Interval(0, 1), Interval(0, 8)), Fraction(0), Fraction(0))
