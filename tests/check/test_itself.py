"""The pass that shares nothing with a claim: the untouched model on noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support.small_graphs import GRAPHS, Graph
from torch import Tensor, nn

from striate.check import check, flow
from striate.check.choose import FEWEST_RUNS
from striate.check.impulses import Claims
from striate.check.noise import Images, NoisePass, UnusableError
from striate.check.onnx_run import OnnxRun
from striate.check.torch_run import TorchRun
from striate.check.torch_twin import TorchTwin
from striate.errors import StriateError
from striate.fields import Unit, region

Array = NDArray[Any]


class Wrapped(Tensor):
    pass


class TwoWays(nn.Module):
    """A 3x3 convolution, and a 7x7 one over what ``hand_on`` makes of the image."""

    def __init__(self, hand_on: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.near, self.far, self.hand_on = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 7, padding=3), hand_on

    def forward(self, x: Tensor) -> Tensor:
        both: Tensor = self.near(x) + self.far(self.hand_on(x))
        return both


ALIASES: dict[str, Callable[[Tensor], Tensor]] = {
    "parameter": nn.Parameter,
    "subclass": lambda x: x.as_subclass(Wrapped).as_subclass(Tensor),
    "data": lambda x: x.data,
    "detached": Tensor.detach,
}


@pytest.mark.parametrize("name", ALIASES)
def test_the_twin_follows_a_tensor_by_its_memory(name: str) -> None:
    twin = TorchTwin(TwoWays(ALIASES[name]), {"x": (1, 1, 20, 20)}, "x")
    assert int(twin.reads("output", (10, 10), (2, 3)).sum()) == 49


@pytest.mark.parametrize("name", ALIASES)
def test_a_branch_over_an_alias_is_never_lost_in_silence(name: str) -> None:
    """Either it is claimed, 49 pixels in all, or the model itself contradicts the claim."""
    try:
        report = check(TwoWays(ALIASES[name]), (1, 1, 20, 20), ["output"], [(10, 10)])
    except StriateError:
        return
    assert not report.ok or report.units[0].claimed == 49


def test_noise_finds_what_claim_and_twin_both_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    """Claim and twin agree on the 3x3 field alone, as if the other branch were a constant."""
    narrow = np.zeros((20, 20), np.bool_)
    narrow[9:12, 9:12] = True
    monkeypatch.setattr(flow, "region", lambda *_: SimpleNamespace(mask=narrow))
    monkeypatch.setattr(TorchTwin, "reads", lambda *_: narrow)
    report = check(TwoWays(Tensor.detach), (1, 1, 20, 20), ["output"], [(10, 10)])
    assert report.first is not None
    assert report.first.first is not None
    assert report.first.first.kind == "moves it but is not claimed"
    assert max(abs(i - 10) for i in report.first.first.pixel) in (2, 3)
    assert "moves it but is not claimed" in str(report.first)


def legacy_state() -> object:
    state: Any = np.random.get_state()
    return state[1].tolist()


class Restless(nn.Module):
    """Counts its calls, fills a cache, keeps a running sum and draws noise, in eval mode too."""

    total: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.dropped = nn.Conv2d(1, 2, 3), nn.Dropout(0.5)
        self.register_buffer("total", torch.zeros(3))
        self.calls = 0
        self.cache: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.cache.append(x)
        self.total.add_(float(x.mean()))
        y: Tensor = nn.functional.dropout(self.conv(x), 0.5, training=True)
        return y + self.total.sum()


def test_a_module_is_left_as_it_was_found() -> None:
    model = Restless().train()
    model.conv.register_forward_hook(lambda *_: None)
    state, hooks, threads = torch.get_rng_state(), dict(model.conv._forward_hooks), torch.get_num_threads()
    numbers = legacy_state()
    run = TorchRun(model, {"x": (1, 1, 6, 6)}, "x")
    for _ in range(2):
        run.values(np.zeros((1, 1, 6, 6), np.float32), [Unit("conv", (0, 0)), Unit("output", (1, 1))])
    assert (model.calls, model.cache, model.total.tolist()) == (0, [], [0, 0, 0])
    assert model.training
    assert model.conv.training
    assert dict(model.conv._forward_hooks) == hooks
    assert torch.equal(state, torch.get_rng_state())
    assert torch.get_num_threads() == threads
    assert legacy_state() == numbers


def test_a_module_that_draws_noise_answers_alike_from_run_to_run() -> None:
    run = TorchRun(Restless(), {"x": (1, 1, 6, 6)}, "x")
    image = np.ones((1, 1, 6, 6), np.float32)
    first, second = (run.values(image, [Unit("output", (1, 1))])[0] for _ in range(2))
    assert np.array_equal(first, second)


def test_answers_that_differ_from_run_to_run_prove_nothing() -> None:
    draws = iter(range(99))
    images = Images((1, 4), (1,), np.dtype(np.float32), 0)
    work = NoisePass([np.array([True, False, False, False])], lambda *_: [np.array(next(draws))], images, 50)
    with pytest.raises(UnusableError, match="two runs on the same input differ"):
        work.go()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8, np.bool_])
def test_a_pixel_that_moves_a_unit_is_found_by_halving(dtype: type) -> None:
    """The unit reads pixels 3 and 9; 3 alone is claimed."""
    images = Images((1, 12), (1,), np.dtype(dtype), 0)
    mask = np.arange(12) == 3
    work = NoisePass([mask], lambda image, _: [image[:, [3, 9]].copy()], images, 60)
    (said,) = work.go()
    assert said.moved_by == (9,)
    assert (said.sides_moved, said.sides) == (1, 1)


def test_a_dead_unit_shows_nothing_and_is_no_failure(tmp_path: Path) -> None:
    graph = Graph(1, 1, 8, 8)
    x = graph.conv("image", 1, 2, 3)
    x = graph("Clip", x, graph.constant(1e6, np.float32), graph.constant(2e6, np.float32))
    report = check(graph.save(tmp_path, x))
    assert report.ok
    dead = [unit.noise for unit in report.units if unit.layer == x]
    assert all(noise is not None and noise.sides_moved == 0 and noise.sides == 4 for noise in dead)


def test_the_file_is_run_as_it_is(tmp_path: Path) -> None:
    """Outputs added for looking inside change no value, and the file keeps its bytes."""
    graph = Graph(1, 3, 19, 17)
    path = graph.save(tmp_path, GRAPHS["squeeze"](graph))
    before = path.read_bytes()
    shapes, image = {"image": (1, 3, 19, 17)}, np.random.default_rng(0).random((1, 3, 19, 17)).astype(np.float32)
    (plain,) = OnnxRun(path, "image", shapes, ["mul4"], ["mul4"]).run(image)
    inside = OnnxRun(path, "image", shapes, ["conv0", "mul4"], ["mul4"]).run(image)
    assert np.array_equal(plain, inside[1])
    assert inside[0].shape == (1, 4, 19, 17)
    assert path.read_bytes() == before


def test_noise_finds_a_wrong_claim_about_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Graph(1, 3, 30, 30)
    path = graph.save(tmp_path, GRAPHS["holes"](graph))
    true = region

    class Bitten:
        def __init__(self, *unit: Any) -> None:
            self.mask = true(*unit).mask.copy()
            self.mask[14, 14] = False

    monkeypatch.setattr(flow, "region", Bitten)
    monkeypatch.setattr(Claims, "outside", lambda *_: None)
    report = check(path, layers=["conv2"], units=[(7, 7)])
    assert report.first is not None
    assert report.first.first is not None
    assert (report.first.first.kind, report.first.first.pixel) == ("moves it but is not claimed", (14, 14))


def squares(count: int, size: int, random: np.random.Generator) -> list[Array]:
    """Covers of many sizes, some of them of the whole image."""
    masks = []
    for _ in range(count):
        y, x, side = random.integers(size), random.integers(size), 2 ** int(random.integers(6))
        mask = np.zeros((size, size), np.bool_)
        mask[y : y + side, x : x + side] = True
        masks.append(mask | (random.random() < 0.1))
    return masks


class Sums:
    """Units that sum what they read, and the images they were shown."""

    def __init__(self, reads: list[Array]) -> None:
        self.reads, self.images = reads, 0

    def __call__(self, image: Array, units: Sequence[int]) -> list[Array]:
        self.images += 1
        return [image[0][self.reads[k]].astype(np.float64).sum(keepdims=True) for k in units]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("most", [8, 400])
def test_units_share_runs_and_each_is_told_apart(seed: int, most: int) -> None:
    """A unit that reads one pixel more than is claimed is found wherever that pixel was noise, and no other is."""
    random = np.random.default_rng(seed)
    claims = squares(40, 24, random)
    wrong = next(k for k, mask in enumerate(claims) if mask.sum() == 1)
    reads = [mask.copy() for mask in claims]
    y, x = (int(i) for i in random.choice(np.argwhere(~claims[wrong])))
    images = Images((1, 24, 24), (1, 2), np.dtype(np.float32), seed)
    quiet = NoisePass(claims, Sums(reads), images, most)
    said = quiet.go()
    assert quiet.runs <= most
    assert all(noise.moved_by is None for noise in said)
    assert all(noise.others == (~mask).sum() for noise, mask in zip(said, claims, strict=True))
    whole = [noise.still == noise.others for noise in said]
    assert sum(whole) == len(whole) if most == 400 else sum(noise.still > 0 for noise in said) > 20
    reads[wrong][y, x] = True
    said = NoisePass(claims, Sums(reads), images, most).go()
    assert {k for k, noise in enumerate(said) if noise.moved_by} <= {wrong}
    if most == 400:
        assert said[wrong].moved_by == (y, x)
        assert said[wrong].still == 0


def test_noise_that_was_tried_in_part_is_counted() -> None:
    """Two units in one run: of each, the other's claim is left as it is."""
    left, right = np.zeros((2, 1, 8), np.bool_)
    left[0, :2] = right[0, 6:] = True
    images = Images((1, 1, 8), (1, 2), np.dtype(np.float32), 0)
    said = NoisePass([left, right], Sums([left, right]), images, 4).go()
    assert [(noise.still, noise.others) for noise in said] == [(4, 6), (4, 6)]
    assert str(said[0]) == "unmoved by noise on 4 of the 6 others, moved by 1 of 3 sides"
    said = NoisePass([left, right], Sums([left, right]), images, 50).go()
    assert [(noise.still, noise.others) for noise in said] == [(6, 6), (6, 6)]
    assert str(said[0]) == "unmoved by noise on the others, moved by 3 of 3 sides"


def test_the_fewest_runs_try_most_of_what_units_do_not_read() -> None:
    """As many units as twelve layers have."""
    claims = squares(48, 64, np.random.default_rng(0))
    work = NoisePass(claims, Sums(claims), Images((1, 64, 64), (1, 2), np.dtype(np.float32), 0), FEWEST_RUNS)
    said = work.go()
    assert work.runs == FEWEST_RUNS <= 8
    shares = [noise.still / noise.others for noise in said if noise.others]
    assert sum(shares) / len(shares) > 0.7


def test_a_module_runs_no_further_than_the_deepest_layer_asked_for() -> None:
    ran: list[str] = []

    class Deep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = (nn.Conv2d(1, 1, 3) for _ in range(3))

        def forward(self, x: Tensor) -> Tensor:
            for name in "abc":
                ran.append(name)
                try:
                    x = getattr(self, name)(x)
                except Exception:
                    ran.append("swallowed")
            return x

    run = TorchRun(Deep(), {"x": (1, 1, 9, 9)}, "x")
    image = np.ones((1, 1, 9, 9), np.float32)
    everything = run.values(image, [Unit("a", (0, 0)), Unit("b", (0, 0)), Unit("output", (0, 0))])
    assert "".join(ran) == "abc"
    ran.clear()
    (first, second) = run.values(image, [Unit("a", (0, 0)), Unit("b", (0, 0))])
    assert "".join(ran) == "ab"
    assert np.array_equal(first, everything[0])
    assert np.array_equal(second, everything[1])


def test_what_threads_leave_in_doubt_is_decided_on_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """With several threads every run differs, as if sums were taken in any order."""
    draws, counts, true = iter(range(10**6)), [], TorchRun.values

    def values(run: TorchRun, image: Array, units: Sequence[Unit]) -> list[Array]:
        counts.append(run._threads)
        found = true(run, image, units)
        return found if run._threads == 1 else [value + next(draws) for value in found]

    monkeypatch.setattr(TorchRun, "values", values)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    report = check(nn.Conv2d(1, 1, 3), (1, 1, 8, 8))
    assert report.ok
    assert not report.unusable
    assert set(counts) == {1, 4}
