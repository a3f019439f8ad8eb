"""Output sizes under each convention, against positions enumerated by hand."""

from __future__ import annotations

import pytest

from striate.errors import InputError
from striate.show import output_sizes


def answers(*args: int) -> dict[str, tuple[int, tuple[int, int], tuple[int, ...]]]:
    return {a.convention: (a.output, a.pads, a.never_read) for a in output_sizes(*args)}


def test_the_tutorials_4x4_with_stride_2() -> None:
    # 0 1 2 3 -> [0 1 2] 3, or [. 0 1] [1 2 3], or [0 1 2] [2 3 .]
    assert answers(4, 3, 2) == {
        "PyTorch, padding=0": (1, (0, 0), (3,)),
        "PyTorch, padding=kernel//2": (2, (1, 1), ()),
        "TensorFlow VALID": (1, (0, 0), (3,)),
        "TensorFlow SAME": (2, (0, 1), ()),
        "Caffe pooling (ceil), pad=0": (2, (0, 1), ()),
    }
    assert [a.drawing for a in output_sizes(4, 3, 2)] == [
        "[0 1 2]",
        "[. 0 1] [1 2 3]",
        "[0 1 2]",
        "[0 1 2] [2 3 .]",
        "[0 1 2] [2 3 .]",
    ]


def test_the_tutorials_6x6() -> None:
    assert answers(6, 3)["PyTorch, padding=0"] == (4, (0, 0), ())


def test_the_formula_holds_the_numbers() -> None:
    first, half, _, same, caffe = (a.why for a in output_sizes(4, 3, 2))
    assert first == "floor((4 + 0 + 0 - 1*(3-1) - 1)/2) + 1 = floor(1/2) + 1 = 1; 1 over"
    assert half == "floor((4 + 1 + 1 - 1*(3-1) - 1)/2) + 1 = floor(3/2) + 1 = 2; 1 over"
    assert same == "ceil(4/2) = 2; pads max((2-1)*2 + 3 - 4, 0) = 1: 0 before, 1 after"
    assert caffe == "ceil((4 + 2*0 - 3)/2) + 1 = 2; reads 0 before, 1 after"


def test_padding_on_the_right_that_nothing_reads() -> None:
    assert [a.unused_padding for a in output_sizes(4, 3, 2)][1] == (0, 1)


def test_dilation_leaves_pixels_unread() -> None:
    # [0 . . 3] [4 . . 7]: a kernel of 2 taps, 3 apart, stride 4
    assert answers(8, 2, 4, 3)["PyTorch, padding=0"] == (2, (0, 0), (1, 2, 5, 6))


def test_a_window_larger_than_the_input() -> None:
    first = output_sizes(2, 5)[0]
    assert (first.output, first.drawing) == (0, "none")
    assert "larger than the padded input" in first.why


@pytest.mark.parametrize("n", range(1, 30))
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_gives_ceil_n_over_stride(n: int, stride: int) -> None:
    assert answers(n, 3, stride)["TensorFlow SAME"][0] == -(-n // stride)


def test_long_inputs_are_drawn_short() -> None:
    assert output_sizes(100, 3)[0].drawing == "[0 1 2] [1 2 3] [2 3 4] ... [97 98 99]"


@pytest.mark.parametrize("args", [(0, 3), (4, 0), (4, 3, 0), (4, 3, 1, 0), (4, 3, 1, 1, -1)])
def test_numbers_that_make_no_window(args: tuple[int, ...]) -> None:
    with pytest.raises(InputError):
        output_sizes(*args)
