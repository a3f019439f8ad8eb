"""The experiment on units whose answer is known: what a Gabor, a Sobel kernel, a simple and a complex cell prefer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from math import pi
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import iv
from support.tflite_cases import RELU, conv, depthwise
from support.tflite_models import Sketch
from torch import Tensor, nn

from striate import InputError
from striate.explore import Tuning, tuning
from striate.explore.bench import bench
from striate.explore.stimuli import Blank, Disc, Edge, Grating, Stimulus, WhiteNoise, Window
from striate.formats.model import Model

FREQUENCY, SIGMA, SIDE = 0.125, 4.0, 31


def gabor(angle: float = 0.0, phase: float = 0.0) -> np.ndarray:
    """Stripes along an angle under a round Gaussian; y points upwards."""
    place = np.arange(SIDE) - SIDE // 2
    x, y = place[None], -place[:, None]
    a = np.radians(angle)
    across = -np.sin(a) * x + np.cos(a) * y
    found: np.ndarray = np.exp(-(x**2 + y**2) / (2 * SIGMA**2)) * np.cos(2 * pi * FREQUENCY * across + phase)
    return found


def linear(kernels: Sequence[np.ndarray]) -> nn.Conv2d:
    """A convolution of one channel without bias, in double precision."""
    layer = nn.Conv2d(1, len(kernels), kernels[0].shape[0], bias=False, dtype=torch.float64)
    layer.weight.data = torch.from_numpy(np.array(kernels)[:, None].copy())
    return layer


def cells(*kernels: np.ndarray) -> nn.Module:
    return nn.Sequential(linear(kernels), nn.ReLU())


class Over(nn.Module):
    """A function of kernels' outputs that sums or takes the largest over channels."""

    def __init__(self, kernels: Sequence[np.ndarray], joined: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.linear, self.joined, self.end = linear(kernels), joined, nn.Identity()

    def forward(self, x: Tensor) -> Any:
        return self.end(self.joined(self.linear(x)))


def tuned(module: nn.Module, layer: str = "1", **more: Any) -> Tuning:
    return tuning(module, layer, (1, 1, 64, 64), black=-1, white=1, **{"frequencies": [FREQUENCY], **more})


# What no other tool can claim: the field is exact.


class Deep(nn.Module):
    def __init__(self, *, bias: bool) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.first = nn.Conv2d(2, 6, 5, 2, 2, bias=bias)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.second = nn.Conv2d(6, 5, 3, padding=2, dilation=2, bias=bias)
        self.third = nn.Conv2d(5, 4, 3, 2, 1, bias=bias)

    def forward(self, x: Tensor) -> Any:
        return self.third(torch.relu(self.second(self.pool(torch.relu(self.first(x))))))


STIMULI: Sequence[Stimulus] = [Grating(30, 0.1), Edge(70, 2), Disc(5), *(WhiteNoise(k) for k in range(8))]


@pytest.mark.parametrize("layer", ["first", "pool", "second", "third"])
def test_nothing_outside_the_exact_field_changes_a_bit(layer: str) -> None:
    held = bench(Deep(bias=True), layer, (1, 2, 80, 80), smallest=False)
    count = len(STIMULI) + 1
    images = held.pictures([*STIMULI, Blank()])[:count]
    outside = np.ones(images.shape[2:], bool)
    outside[held.hull.slices] = False
    assert (images[:, :, outside] == 0.5).all()
    clear = answers(held, images)
    images[:, :, outside] = np.random.default_rng(0).normal(size=(count, 2, outside.sum())) * 100
    assert (answers(held, images) == clear).all()
    rows, columns = held.hull
    for corner in ((rows.start, columns.start), (rows.stop - 1, columns.stop - 1)):
        changed = images.copy()
        changed[:, :, corner[0], corner[1]] += 50
        assert (answers(held, changed) != clear).any(), "a corner of the field does not matter: the test can't fail"


def answers(held: Any, images: np.ndarray) -> np.ndarray:
    """What the unit answers to whole inputs, in the bench's batches."""
    count = held.shape[0]
    padded = np.concatenate([images, np.zeros((-len(images) % count, *images.shape[1:]))])
    return np.concatenate([held.answers(padded[k : k + count]) for k in range(0, len(padded), count)])[: len(images)]


def test_a_size_curve_is_flat_beyond_the_hull() -> None:
    held = bench(Deep(bias=True), "third", (1, 2, 128, 128))
    corner = np.hypot(*held.size) / 2
    radii = [corner * share for share in (0.2, 0.4, 0.8, 1.01, 1.3, 2.0, 5.0)]
    curve = held.responses([Window(Grating(20, 0.1), radius) for radius in radii] + [Grating(20, 0.1)])
    assert (curve[3:] == curve[-1]).all()
    assert (np.diff(curve[:4], axis=0) != 0).any(1).all()


def test_a_shift_by_the_jump_shifts_the_map_by_one_unit() -> None:
    model = Model(Deep(bias=True).double(), (1, 2, 160, 160))
    held = bench(model, "third")
    down, right = (int(step) for step in held.jump)
    assert (down, right) == (8, 8)
    image = np.random.default_rng(0).random((1, 2, 160, 160))
    whole = TorchMap(model)
    before, after = whole(image), whole(np.roll(image, (down, right), (2, 3)))
    inside = slice(6, 14)
    assert np.allclose(after[..., 7:15, 7:15], before[..., inside, inside], rtol=0, atol=1e-13)
    assert not np.allclose(after[..., 6:14, 6:14], before[..., inside, inside], rtol=0, atol=1e-3)


class TorchMap:
    def __init__(self, model: Model) -> None:
        from striate.run.torch import TorchRunner

        self.runner = TorchRunner(model)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return self.runner.run({"x": image}, ["third"])["third"]


@pytest.mark.parametrize("bias", [False, True])
def test_without_bias_twice_the_contrast_is_twice_the_response(bias: bool) -> None:
    held = bench(Deep(bias=bias), "third", (1, 2, 64, 64), black=-1, white=1)
    once, twice = (held.responses([Grating(a, 0.1, 20, c) for a in range(0, 180, 15)]) for c in (0.25, 0.5))
    assert (twice == 2 * once).all() != bias
    assert np.abs(once).max() > 0


def test_the_best_picture_of_a_linear_unit_is_its_kernel() -> None:
    kernel = np.random.default_rng(0).normal(size=(7, 7))
    held = bench(linear([kernel]), "output", (1, 1, 32, 32), black=-1, white=1)
    assert held.size == (7, 7)

    def answer(picture: np.ndarray) -> float:
        image = np.zeros(held.shape)
        image[0, 0][held.hull.slices] = picture
        return float(held.answers(image)[0, 0])

    best = answer(kernel / np.linalg.norm(kernel))
    assert best == pytest.approx(np.linalg.norm(kernel))
    for seed in range(50):
        other = kernel + np.random.default_rng(seed + 1).normal(size=kernel.shape) * 0.3
        assert answer(other / np.linalg.norm(other)) < best


# What is known on paper.


@pytest.fixture(scope="module")
def round_gabors() -> Tuning:
    return tuned(cells(*(gabor(angle) for angle in (0.0, 11.3, 45.0, 77.7, 90.0, 166.0))))


def test_a_round_gabor_has_the_ratio_of_bessel_functions_and_its_angle(round_gabors: Tuning) -> None:
    a = (2 * pi * FREQUENCY * SIGMA) ** 2
    assert round_gabors.osi == pytest.approx(iv(2, a) / iv(0, a), abs=3e-4)
    assert round_gabors.cv == pytest.approx(1 - round_gabors.osi)
    apart = np.abs(round_gabors.preferred - [0.0, 11.3, 45.0, 77.7, 90.0, 166.0])
    assert np.minimum(apart, 180 - apart).max() < 0.01


def test_a_turned_kernel_turns_its_curve(round_gabors: Tuning) -> None:
    level, upright = round_gabors.curve[0], round_gabors.curve[4]
    assert np.abs(np.roll(level, 12) - upright).max() < 1e-12 * level.max()


def test_a_bar_of_light_or_dark_has_the_angle_of_the_stripes() -> None:
    for width in (1.0, 2.0, 4.0, 8.0):
        found = tuned(cells(*(gabor(angle) for angle in (0.0, 37.0, 112.5))), stimulus="bar", widths=[width], angles=16)
        apart = np.abs(found.preferred - [0.0, 37.0, 112.5])
        assert np.minimum(apart, 180 - apart).max() < 0.4, width
        assert len({place.contrast for place in found.places}) == 2


def test_polarity_tells_light_from_dark() -> None:
    centre = np.zeros((5, 5))
    centre[2, 2] = 1.0
    found = tuned(cells(centre, -centre, gabor(0, pi / 2)[13:18, 13:18]), stimulus="bar", angles=4)
    assert found.polarity == pytest.approx([1, -1, 0], abs=1e-9)


def test_a_sobel_kernel_tends_to_a_third() -> None:
    sobel = np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    found = [float(tuned(cells(sobel), frequencies=[f], angles=48, phases=64).osi[0]) for f in (1 / 3, 1 / 16, 1 / 128)]
    assert found[0] == pytest.approx(0.4035, abs=2e-3)
    assert found[1] == pytest.approx(0.3365, abs=2e-3)
    assert found[2] == pytest.approx(1 / 3, abs=1e-3)


def test_a_simple_cell_is_modulated_by_half_of_pi() -> None:
    found = tuned(cells(gabor(30, 0.3)), phases=64, angles=6)
    assert found.f1f0 == pytest.approx(pi / 2, abs=2e-3)
    assert found.kind(0) == "simple-like (P = 64)"


PAIR = [gabor(0, 0), gabor(0, pi / 2)]
FOUR = [gabor(0, k * pi / 2) for k in range(4)]


@pytest.mark.parametrize(("kernels", "joined"), [
    (PAIR, lambda y: (y**2).sum(1, keepdim=True)),
    (FOUR, lambda y: (y.relu() ** 2).sum(1, keepdim=True)),
], ids=["energy", "half-squared"])  # fmt: skip
def test_a_complex_cell_is_not_modulated(kernels: Sequence[np.ndarray], joined: Callable[[Tensor], Tensor]) -> None:
    found = tuned(Over(kernels, joined), "end", angles=6)
    assert found.f1f0 == pytest.approx(0, abs=1e-3)
    assert found.kind(0).startswith("complex-like")


def pooling(rows: int) -> Callable[[Tensor], Tensor]:
    return lambda y: nn.functional.max_pool2d(y.relu(), (rows, 1), 1)


def test_pooling_over_shifts_ends_modulation_at_a_full_period() -> None:
    # A period of 8 pixels: from a simple cell's pi/2 to nothing once every phase is there.
    falls = []
    for shifts in (1, 2, 4, 6, 8):
        pooled = Over([gabor()], pooling(shifts))
        falls.append(float(tuned(pooled, "end", angles=4).f1f0[0]))
    assert falls[0] == pytest.approx(pi / 2, abs=0.05)
    assert falls == sorted(falls, reverse=True)
    assert falls[-1] < 0.01


def test_frequency_and_octaves() -> None:
    found = tuned(cells(gabor()), frequencies=list(0.125 * 2.0 ** np.linspace(-2, 1.5, 15)), angles=4)
    assert found.scale[0] == pytest.approx(0.125)
    # exp(-2 (pi sigma)^2 (f - f0)^2) is one half at f0 -+ sqrt(ln 2 / 2) / (pi sigma).
    half = np.sqrt(np.log(2) / 2) / (pi * SIGMA)
    assert found.octaves[0] == pytest.approx(np.log2((0.125 + half) / (0.125 - half)), abs=0.05)


# A file's unit is cut out of its network; it answers as the whole does.

DENOISER = str(files("striate") / "data" / "denoiser.onnx")


@pytest.mark.parametrize("layer", ["stem", "down2", "mid1"])
def test_a_unit_cut_out_of_a_file_answers_as_the_whole(layer: str) -> None:
    part, whole = (bench(DENOISER, layer, (1, 3, 96, 96), smallest=small) for small in (True, False))
    assert part.fed[2].size < whole.fed[2].size
    assert part.hull == whole.hull
    stimuli = [Grating(a, 0.1, 30) for a in (0, 50, 110)] + [Blank()]
    expected = whole.responses(stimuli)
    assert part.responses(stimuli) == pytest.approx(expected, abs=1e-5)
    assert np.ptp(expected, axis=0).max() > 0.01


@pytest.mark.parametrize("side", [40, 37])
def test_a_tflite_file_is_run_at_a_smaller_size_and_answers_as_the_whole(side: int) -> None:
    sketch = Sketch()
    strided: dict[str, Any] = {"StrideH": 2, "StrideW": 2, "FusedActivationFunction": RELU}
    layer = conv(sketch, sketch.input(1, side, side, 3), 4, 3, **strided)
    layer = conv(sketch, depthwise(sketch, layer, 4, **strided), 5, 4)
    content = sketch.file(sketch.add("RESHAPE", layer, sketch.constant(np.array([1, 500]))))
    name = sketch.tensors[layer].name
    part, whole = (bench(content, name, smallest=small) for small in (True, False))
    assert part.fed[1].size < whole.fed[1].size == side
    assert part.shape[0] > whole.shape[0] == 1
    assert part.size == whole.size == (15, 15)
    stimuli: list[Stimulus] = [*(Grating(a, 0.1, 30) for a in (0, 50, 110)), WhiteNoise(1), Blank()]
    expected = whole.responses(stimuli)
    assert part.responses(stimuli) == pytest.approx(expected, rel=1e-5)
    assert np.ptp(expected, axis=0).max() > 1e-4


def test_a_file_is_tuned_like_a_module() -> None:
    found = tuning(DENOISER, "stem", (1, 3, 64, 64), angles=4, phases=4)
    assert found.field.shape == (7, 7)
    assert found.responses.shape == (4, 4, 4, 24)


# What is n/a, and what is refused.


def test_channels_that_never_answer_have_no_number() -> None:
    layer = linear([gabor(), np.zeros((SIDE, SIDE)), gabor(90)])
    module = nn.Sequential(layer, nn.Threshold(0.0, 0.0))
    found = tuned(module, angles=4, phases=4)
    assert found.dead.tolist() == [False, True, False]
    for measure in (found.preferred, found.osi, found.cv, found.f1f0, found.scale, found.half_bandwidth):
        assert np.isnan(measure[1])
        assert not np.isnan(measure[[0, 2]]).any() or measure is found.half_bandwidth
    assert found.kind(1) == "n/a"
    inverted = Over([gabor()], lambda y: -y.abs())
    never = tuned(inverted, "end", angles=4, phases=4)
    assert (never.dead.tolist(), never.unresponsive.tolist()) == ([False], [True])
    assert np.isnan(never.osi[0])


def test_some_channels_alone() -> None:
    module = cells(gabor(0), gabor(45), gabor(90))
    every, some = tuned(module, angles=4, phases=4), tuned(module, angles=4, phases=4, channels=[2, 0])
    assert some.channels == (2, 0)
    assert (some.responses == every.responses[..., [2, 0]]).all()


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    tuned(cells(gabor()), angles=4, phases=4, progress=lambda *at: told.append(at))
    assert told[-1][0] == told[-1][1] == len(told)


@pytest.mark.parametrize(("more", "said"), [
    ({"layer": "9"}, "no layer '9'"),
    ({"channels": [1]}, "channel 1 lies outside 1, which has 1"),
    ({"channels": []}, "channels names none"),
    ({"stimulus": "house"}, "stimulus must be one of 'grating', 'bar', 'edge'"),
    ({"frequencies": [0.6]}, "frequency must lie between 0 and 0.5"),
    ({"frequencies": ["a"]}, "frequencies must be numbers"),
    ({"angles": 2}, "angles must be at least 3"),
    ({"colour": "pink"}, "colour 'pink' is none of grey, red-green, blue-yellow"),
    ({"colour": "red-green"}, "takes an input of 3 channels, this one has 1"),
    ({"blank": [1, 2]}, "blank takes one number or one for each of 1 channels, got 2"),
])  # fmt: skip
def test_what_does_not_fit_is_one_line(more: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        tuned(cells(gabor()), **more)


def test_a_field_that_does_not_fit_is_one_line() -> None:
    with pytest.raises(InputError, match="no unit of third has its whole field, 33 x 33, inside an input of 20 x 30"):
        tuning(Deep(bias=True), "third", (1, 2, 20, 30))
