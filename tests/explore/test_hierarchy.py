"""A network stage by stage: each number is that of the question asked by itself."""

from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor, nn

from striate import InputError, load
from striate.explore import hierarchy, strongest, tuning
from striate.explore.control import shuffled
from striate.explore.hierarchy import Untuned, stages_of
from striate.formats.model import Model

DENOISER = Path(str(files("striate") / "data" / "denoiser.onnx"))
SHAPE = (1, 3, 32, 32)
PICTURES = [np.random.default_rng(seed).random(SHAPE).astype(np.float32) for seed in range(3)]


def test_every_number_is_that_of_its_own_question() -> None:
    found = hierarchy(DENOISER, PICTURES, ["stem", "enc2"], SHAPE, count=2, angles=4, phases=4)
    assert (found.name, found.controlled) == ("denoiser.onnx", True)
    assert [stage.size for stage in found.stages] == ["7 x 7", "15 x 15"]
    control = shuffled(Model(DENOISER, SHAPE))
    for stage in found.stages:
        alone = tuning(DENOISER, stage.layer, SHAPE, angles=4, phases=4)
        other = tuning(control, stage.layer, angles=4, phases=4)
        assert stage.osi == (np.nanmedian(alone.osi), np.nanmedian(other.osi))
        assert stage.f1f0 == (np.nanmedian(alone.f1f0), np.nanmedian(other.f1f0))
        assert stage.osi[0] != stage.osi[1]
        seen = strongest(DENOISER, stage.layer, PICTURES, input_shape=SHAPE, count=2)
        assert seen.dead == stage.strongest.dead
        for ours, theirs in zip(seen.units, stage.strongest.units, strict=True):
            assert [(u.value, u.at, u.picture) for u in ours] == [(u.value, u.at, u.picture) for u in theirs]


def test_a_stage_that_sees_everything_or_more_than_there_is_says_so() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3)
            self.deep = nn.Sequential(*(nn.Conv2d(4, 4, 9, padding=4) for _ in range(3)))

        def forward(self, x: Tensor) -> Tensor:
            y = self.first(x).relu()
            both: Tensor = self.deep(y).relu().sum() + self.last(y * y.mean((2, 3), keepdim=True)).relu()
            return both

    picture, layers = PICTURES[0][..., :20, :20], ["first", "deep.2", "last"]
    found = hierarchy(Gated(), picture, layers, picture.shape, angles=3, phases=3, control=False)
    assert [stage.untuned for stage in found.stages] == [None, Untuned.SMALL, Untuned.EVERYTHING]
    assert np.isnan([*found.stages[1].osi, *found.stages[2].f1f0]).all()
    assert [len(stage.strongest.units) for stage in found.stages] == [4, 4, 2]


def test_a_text_detector_has_a_true_report() -> None:
    """PP-OCRv4: stages before its first squeeze have medians and a control, those behind it the global operator."""
    found = find_spec("rapidocr_onnxruntime")
    if found is None or found.origin is None:
        pytest.skip("needs rapidocr-onnxruntime")
    path, shape = Path(found.origin).parent / "models" / "ch_PP-OCRv4_det_infer.onnx", (1, 3, 64, 64)
    picture, layers = np.random.default_rng(0).random(shape).astype(np.float32), ["p2o.Add.10", "p2o.Add.280"]
    first, last = hierarchy(path, picture, layers, shape, angles=3, phases=3).stages
    assert (first.size, first.untuned, last.untuned) == ("7 x 7", None, Untuned.EVERYTHING)
    assert not np.isnan([*first.osi, *first.f1f0]).any()
    assert last.field.global_via[0] == "p2o.GlobalAveragePool.0"
    assert np.isnan([*last.osi, *last.f1f0]).all()


def test_stages_double_and_end_behind_the_first_wider_than_the_picture() -> None:
    def stages(side: int, *layers: nn.Module) -> list[int]:
        fields = load(nn.Sequential(*layers), (1, 2, side, side)).fields()
        return [fields[name].axes["width"].size or 0 for name in stages_of(fields)]

    pair = [part for _ in range(20) for part in (nn.Conv2d(2, 2, 3, padding=1), nn.ReLU())]
    assert stages(12, *pair) == [3, 7, 15]
    assert stages(99, *pair) == [3, 7, 15, 31]
    apart = nn.Conv2d(2, 2, 7, padding=3, groups=2)
    assert stages(99, apart, nn.ReLU(), nn.Conv2d(2, 2, 1), nn.ReLU()) == [7]
    assert stages(99, apart) == [7]
    assert stages(99, nn.ReLU()) == []


def test_a_network_without_a_control_has_none(tmp_path: Path) -> None:
    Image.fromarray((PICTURES[0][0].transpose(1, 2, 0) * 255).astype(np.uint8)).save(tmp_path / "noise.png")
    found = hierarchy(DENOISER, tmp_path, ["stem"], SHAPE, angles=3, phases=3, control=False)
    assert (found.controlled, found.stages[0].control) == (False, None)
    assert np.isnan(found.stages[0].osi[1])


def test_without_convolutions_there_are_no_stages() -> None:
    with pytest.raises(InputError, match="has no stages: none of its layers is a convolution"):
        hierarchy(nn.Sequential(nn.ReLU()), PICTURES[0], input_shape=SHAPE)


def test_progress_counts_the_pictures_and_then_the_stages() -> None:
    told: list[tuple[int, int]] = []
    hierarchy(
        DENOISER, PICTURES, ["stem"], SHAPE, angles=3, phases=3, control=False,
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert told == [(1, 3), (2, 3), (3, 3), (1, 1)]
