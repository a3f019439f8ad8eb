"""What the page is told of units, maps and answers is what the library says, and the lines it copies say it again."""

from __future__ import annotations

import contextlib
import io
import json
from base64 import b64decode
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from striate.demo.demo import sample_photo
from striate.errors import InputError
from striate.explore import bench, feature_maps, strongest, tuning
from striate.explore.stimuli import Bar, Blank
from striate.fields import Fields, effective_field, reach, region
from striate.formats.model import Model
from striate.network import Builder
from striate.network.operators import Conv, Elementwise, Pool
from striate.photos import read_photo
from striate.serve.answers import stimulus_of
from striate.serve.questions import QUESTIONS
from striate.serve.subject import ANGLES, PHASES, Subject

DENOISER = Path(str(files("striate").joinpath("data/denoiser.onnx")))
SHAPE = (1, 3, 40, 48)


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """The shipped network and a picture of noise, in a file."""
    path = tmp_path_factory.mktemp("picture") / "noise.png"
    noise = np.random.default_rng(3).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    return Subject(Model(DENOISER, SHAPE), read_photo(path, (40, 48)), picture=str(path))


def asked(subject: Subject, question: str, **given: object) -> Any:
    """An answer as the page gets it, in JSON."""
    return json.loads(json.dumps(QUESTIONS[question](subject, given), allow_nan=False))


def unpacked(packed: dict[str, Any]) -> NDArray[Any]:
    """What the page makes of a packed array, worked out apart."""
    data, shape = b64decode(packed["data"]), packed["shape"]
    if packed["kind"] == "bits":
        return np.array([data[k // 8] >> (7 - k % 8) & 1 for k in range(int(np.prod(shape)))], bool).reshape(shape)
    return np.frombuffer(data, "<f4" if packed["kind"] == "f32" else np.uint8).reshape(shape)


def test_a_unit(subject: Subject) -> None:
    for layer, at in (("stem/conv", [0, 47]), ("mid1/conv", [3, 4]), ("denoised", [39, 0])):
        told, truth = asked(subject, "unit", layer=layer, at=at), region(subject.fields, layer, at)
        assert told["hull"] == [[side.start, side.stop] for side in truth.hull]
        assert told["pixels"] == truth.cover.sum()
        cover = np.ones(truth.cover.shape, bool) if told["cover"] is None else unpacked(told["cover"])
        assert (cover == truth.cover).all()
        path = truth.path()
        assert told["path"][0]["box"] == [[i, i + 1] for i in at]
        assert told["path"][-1]["box"] == told["hull"]
        for step in told["path"]:
            box = path[subject.fields.network.tensor(step["layer"])]
            assert step["box"] == [[side.start, side.stop] for side in box[-2:]]


def holes() -> Fields:
    """A dilated convolution and a pool that meet, which look at different places."""
    b = Builder("apart", x=(1, 1, 12, 12))
    dilated = b.add(Conv((2, 2), dilation=(3, 3), padding=((0, 3), (0, 3)), out_channels=1), "x", name="dilated")
    pooled = b.add(Pool((3, 3), padding=((1, 1), (1, 1))), "x", name="pooled")
    b.add(Elementwise(), dilated, pooled, name="sum")
    return Fields(b.network())


def test_holes_and_branches_that_do_not_align() -> None:
    from striate.fields import Unit
    from striate.serve.units import unit_document

    fields = holes()
    told: Any = unit_document(fields, Unit("dilated", (4, 4)))
    assert told["pixels"] == 4
    assert np.argwhere(unpacked(told["cover"])).tolist() == [[0, 0], [0, 3], [3, 0], [3, 3]]
    told = unit_document(fields, Unit("sum", (4, 4)))
    assert [(branch["tensor"], branch["hull"][0], branch["offsets"]) for branch in told["branches"]] == [
        ("dilated", [4, 8], [[0, 1], [0, 1]]),
        ("pooled", [3, 6], [[-3, 2], [-3, 2]]),
    ]
    told = unit_document(fields, Unit("dilated", (11, 11)))
    assert told["unclipped"] == [[11, 15], [11, 15]]
    assert told["padding"] == [15, 16]


def test_an_effective_field(subject: Subject) -> None:
    told, truth = asked(subject, "effective", layer="mid1", at=[5, 5]), effective_field(subject.fields, "mid1", (5, 5))
    assert told["radii"] == {f"{share:g}": radius for share, radius in truth.radii.items()}
    heat = unpacked(told["heat"])
    assert heat.max() == 255
    assert np.abs((heat / 255) ** 2 - truth.weights / truth.weights.max()).max() < 1 / 127


def test_what_a_pixel_reaches(subject: Subject) -> None:
    layers = ["stem/conv", "down2/conv", "denoised"]
    for told in asked(subject, "reach", pixel=[7, 30], layers=layers):
        truth = reach(subject.fields, (7, 30), told["layer"])
        assert told["box"] == [[side.start, side.stop] for side in truth.box]
        assert told["units"] == truth.cover.sum()
    with pytest.raises(InputError, match="64 or fewer"):
        asked(subject, "reach", pixel=[7, 30], layers=layers * 30)


def test_maps_and_their_values(subject: Subject) -> None:
    told, truth = asked(subject, "maps", layer="down1"), feature_maps(DENOISER, "down1", subject.fed, input_shape=SHAPE)
    assert told["size"] == [20, 24]
    assert told["channels"] == list(truth.channels)
    assert told["scale"] == pytest.approx(truth.scale)
    assert told["most"] == pytest.approx(truth.maps.max((1, 2)))
    assert told["zero"] == pytest.approx((truth.maps == 0).mean((1, 2)))
    planes = unpacked(asked(subject, "planes", layer="down1", channels=[5, 0]))
    assert (planes == truth.maps[[5, 0]]).all()
    with pytest.raises(InputError, match="channel 48 lies outside down1"):
        asked(subject, "planes", layer="down1", channels=[48])


def test_strongest_units(subject: Subject) -> None:
    truth = strongest(DENOISER, "stem", subject.fed, input_shape=SHAPE, count=9, per_picture=9)
    told = asked(subject, "strongest", layer="stem", channel=5)
    assert [(one["at"], one["value"]) for one in told] == [(list(one.at), one.value) for one in truth.units[5]]
    assert [one["inside"] for one in told] == [one.inside for one in truth.units[5]]
    assert all(one["inside"] == 1 for one in asked(subject, "strongest", layer="stem", channel=5, whole=True))


def test_tuning_and_its_control(subject: Subject) -> None:
    truth = tuning(DENOISER, "stem", SHAPE, angles=ANGLES, phases=PHASES)
    told = asked(subject, "tuning", layer="stem", stimulus="grating")
    assert unpacked(told["curves"]) == pytest.approx(truth.curve.astype("f4"))
    for name in ("osi", "f1f0", "preferred"):
        numbers = [np.nan if value is None else value for value in told["measures"][name]]
        assert numbers == pytest.approx(getattr(truth, name), nan_ok=True)
    osi = told["histograms"]["osi"]
    assert sum(osi["counts"]) == np.isfinite(truth.osi).sum()
    assert osi["median"] == pytest.approx(np.nanmedian(truth.osi))
    assert osi["control"] != osi["counts"]


def test_an_answer_to_a_stimulus(subject: Subject) -> None:
    shown = {"kind": "bar", "angle": 30, "width": 2, "position": 1.5}
    held = bench(DENOISER, "stem", SHAPE)
    told = asked(subject, "answer", layer="stem", stimuli=[{**shown, "position": 0}, shown])
    truth = held.responses([Blank(), Bar(30, 2, position=1.5)])
    assert unpacked(told["answers"])[1] == pytest.approx(truth[1].astype("f4"), rel=1e-5, abs=1e-7)
    assert told["blank"] == pytest.approx(truth[0].tolist())
    pattern = Bar(30, 2, position=1.5).pattern(7, 7)
    assert np.abs(unpacked(told["shown"]) / 127 - 1 - pattern).max() < 1 / 127


def test_what_one_pixel_does_is_the_kernel(subject: Subject) -> None:
    import onnx
    from onnx import numpy_helper

    held = {one.name: numpy_helper.to_array(one) for one in onnx.load(DENOISER).graph.initializer}
    conv = next(node for node in onnx.load(DENOISER).graph.node if node.op_type == "Conv")
    kernel = held[conv.input[1]][4].sum(0)
    told = asked(subject, "spots", layer="stem/conv", channel=4)
    both = unpacked(told["light"]).astype(float) - unpacked(told["dark"])
    assert both == pytest.approx(kernel / 2, abs=1e-5)


SHOWN = {"kind": "grating", "angle": 20, "frequency": 0.2}
CODE: list[tuple[dict[str, object], str]] = [
    ({"view": "fields", "layer": "mid1/conv", "at": [2, 3]}, "unit"),
    ({"view": "features", "layer": "stem", "channel": 5}, "strongest"),
    ({"view": "tuning", "layer": "stem", "channel": 5}, "tuning"),
    ({"view": "answer", "layer": "stem/conv", "channel": 5, "stimulus": SHOWN}, ""),
]


@pytest.mark.parametrize(("given", "question"), CODE, ids=[str(given["view"]) for given, _ in CODE])
def test_the_lines_that_are_copied_say_the_same(subject: Subject, given: dict[str, object], question: str) -> None:
    lines = asked(subject, "code", **given)["code"]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(lines, "copied", "exec"), {})
    printed = said.getvalue()
    for number in shown_by_the_page(subject, given, question):
        assert number in printed


def test_the_lines_for_the_picture_that_ships_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    photo = sample_photo()[100:140, 200:248]
    monkeypatch.setattr("striate.demo.demo.sample_photo", lambda: photo)
    shipped = Subject(Model(DENOISER, SHAPE), photo, picture="")
    told = asked(shipped, "strongest", layer="stem", channel=5)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(asked(shipped, "code", view="features", layer="stem", channel=5)["code"], "copied", "exec"), {})
    assert str([(tuple(one["at"]), one["value"]) for one in told]) in said.getvalue()


def shown_by_the_page(subject: Subject, given: dict[str, object], question: str) -> Iterator[str]:
    """What the page shows in the same state, as Python prints it."""
    if question == "unit":
        told = asked(subject, "unit", layer=given["layer"], at=given["at"])
        yield ",".join(f"{start}:{stop}" for start, stop in told["hull"])
        yield f" {told['pixels']}\n"
        radii = asked(subject, "effective", layer=given["layer"], at=given["at"])["radii"]
        yield from (f"{share}: {radius}" for share, radius in radii.items())
    elif question == "strongest":
        told = asked(subject, "strongest", layer=given["layer"], channel=5)
        yield str([(tuple(one["at"]), one["value"]) for one in told])
    elif question == "tuning":
        measures = asked(subject, "tuning", layer=given["layer"], stimulus="grating")["measures"]
        yield from (str(measures[name][5])[:12] for name in ("preferred", "osi", "f1f0"))
    else:
        told = asked(subject, "answer", layer=given["layer"], stimuli=[given["stimulus"]])
        yield str(unpacked(told["answers"])[0, 5])[:7]


@pytest.mark.parametrize(
    ("question", "given", "said"),
    [
        ("unit", {"layer": 3, "at": [0, 0]}, "layer must be text"),
        ("unit", {"layer": "stem", "at": "0,0"}, "at must be a list of whole numbers"),
        ("unit", {"layer": "stem", "at": [0, 99]}, "lies outside"),
        ("unit", {"layer": "stam", "at": [0, 0]}, "did you mean"),
        ("unit", {"layer": "stem", "at": [0, 0], "local": 1}, "local must be true or false"),
        ("graph", {"opened": "stem"}, "opened must be a list of texts"),
        ("planes", {"layer": "stem", "channels": list(range(24)) * 20}, "too many at once"),
        ("strongest", {"layer": "stem", "channel": 99}, "channel 99 lies outside stem"),
        ("tuning", {"layer": "stem", "stimulus": "song"}, "grating, bar, edge"),
        ("answer", {"layer": "stem", "stimuli": []}, "stimuli are a list of 1 to 64"),
        ("answer", {"layer": "stem", "stimuli": [{"kind": "bar"}]}, "a bar, grating, edge or spot"),
        ("code", {"layer": "stem", "view": "x"}, "no lines for 'x'"),
    ],
)
def test_what_does_not_fit_is_told_in_a_line(subject: Subject, question: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        QUESTIONS[question](subject, given)


def test_a_stimulus_is_read_as_data() -> None:
    with pytest.raises(InputError, match="width must be a number"):
        stimulus_of({"kind": "bar", "angle": 1, "width": "wide"})
    with pytest.raises(InputError, match="a bar, grating, edge or spot"):
        stimulus_of({"kind": "bar", "angle": 1, "width": 2, "__class__": 3})


def test_without_a_picture() -> None:
    bare = Subject(Model(DENOISER, (1, 3, 16, 16)))
    assert asked(bare, "network")["first"] in bare.fields
    with pytest.raises(InputError, match="there is no picture"):
        asked(bare, "maps", layer="stem")


def test_a_subject_works_each_answer_out_once(subject: Subject) -> None:
    assert subject.maps("stem") is subject.maps("stem")
    assert subject.bench("stem") is subject.bench("stem")
