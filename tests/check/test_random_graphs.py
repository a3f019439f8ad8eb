"""Random graphs over every operator that is read: claims against onnxruntime, pixel by pixel for every unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from support.random_graphs import MAKERS, NOT_YET, claimed, disagreement, draw, fields_of, measured, runs, written_out

from striate.check import check

DEFAULT, EVERY = 500, 20_000
SHARE, LARGE_SHARE = 50, 500


def disagreements(seeds: Iterable[int], folder: Path) -> list[str]:
    found = []
    for seed in seeds:
        drawn = draw(seed)
        said = disagreement(drawn, folder, seed)
        if said:
            found.append(f"graph {seed} of {', '.join(drawn.kinds)}: {said}")
    return found


@pytest.mark.parametrize("first", range(0, DEFAULT, SHARE))
def test_claims_are_what_onnxruntime_reads(first: int, tmp_path: Path) -> None:
    assert disagreements(range(first, first + SHARE), tmp_path) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("first", range(0, EVERY, LARGE_SHARE))
def test_claims_are_what_onnxruntime_reads_in_every_graph(first: int, tmp_path: Path) -> None:
    assert disagreements(range(first, first + LARGE_SHARE), tmp_path) == []


def test_check_proves_them(tmp_path: Path) -> None:
    for seed in range(10):
        drawn = draw(seed)
        path = tmp_path / "random.onnx"
        path.write_bytes(drawn.model.SerializeToString())
        report = check(path)
        assert report.ok, (seed, drawn.kinds, str(report))


def test_every_maker_is_drawn() -> None:
    drawn = Counter(kind for seed in range(DEFAULT) for kind in draw(seed).kinds)
    assert set(MAKERS) - set(drawn) <= NOT_YET


def test_what_is_measured_is_the_graph_drawn() -> None:
    """Its LRN is written out, to the same values."""
    seen = 0
    for drawn in map(draw, range(200)):
        if "local_response" not in drawn.kinds:
            continue
        seen += 1
        image = np.random.default_rng(seen).uniform(0.5, 2, drawn.source).astype(np.float32)
        assert not any(node.op_type == "LRN" for node in written_out(drawn.model).graph.node)
        (own,) = runs(drawn.model).run(None, {"image": image})
        (written,) = runs(written_out(drawn.model)).run(None, {"image": image})
        np.testing.assert_allclose(written, own, rtol=1e-4, atol=1e-6)
    assert seen > 5


def test_the_measurement_can_tell_a_wrong_claim(tmp_path: Path) -> None:
    """A column too many, or one too few, in what one unit is said to read."""
    drawn = next(each for each in map(draw, range(99)) if each.kinds == ("conv",))
    path = tmp_path / "random.onnx"
    path.write_bytes(drawn.model.SerializeToString())
    fields = fields_of(path)
    truth = measured(drawn, fields.layer_axes(drawn.output).units)
    claims = claimed(fields, drawn.output, list(truth))
    assert not fields[drawn.output].at_most_via
    assert all(np.array_equal(truth[at], claims[at]) for at in truth)
    assert any(not np.array_equal(truth[at], np.roll(claims[at], 1, axis=-1)) for at in truth)
