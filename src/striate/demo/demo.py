"""The demo: the tutorial's numbers, then a real network on a real photograph, and files to open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderableType

from striate.demo.explored import explored
from striate.demo.lessons import lessons
from striate.errors import MissingDependencyError
from striate.fields import Fields, region
from striate.files import write_atomically
from striate.formats.model import Model
from striate.photos import Photo
from striate.show.document import describe
from striate.show.formats import to_csv, to_json, to_markdown
from striate.show.page import to_html
from striate.show.picture import field_picture, figure_bytes, strip_picture, view_of
from striate.show.report import ROW_TALL, unit_under
from striate.show.sketch import Sketch
from striate.show.tables import fields_table, notes
from striate.show.words import word

DEPTHS = ("stem/conv", "down1/conv", "mid1/conv", "denoised")
UNIT_AT = (112, 160)
NOISE_SIGMA, SEED = 25 / 255, 0

Floats = NDArray[np.float32]


def demo(out: Path, lang: str, say: Callable[[RenderableType], None]) -> list[Path]:
    """Run the whole demo: print through ``say``, write into ``out``, return the files in the order to open them."""
    photo = sample_photo()
    taught = [*lessons(lang, photo), *explored(lang)]
    for part in taught:
        if not isinstance(part, Sketch):
            say(part)
    say(word("demo_network", lang))
    return list(_network(out, lang, say, photo, taught))


def sample_photo() -> Photo:
    """A cat that comes with scikit-image, cut to 300x448; the shipped denoiser was not trained on it."""
    try:
        data = import_module("skimage.data")
    except ImportError as error:
        raise MissingDependencyError("the demo needs scikit-image: pip install 'striate[all]'") from error
    return np.asarray(data.chelsea()[:, :448], dtype=np.uint8)


def _network(
    out: Path, lang: str, say: Callable[[RenderableType], None], photo: Photo, taught: Sequence[RenderableType | Sketch]
) -> Iterator[Path]:
    with as_file(files("striate").joinpath("data/denoiser.onnx")) as path:
        fields = Fields(Model(path, (1, 3, *photo.shape[:2])))
        cleaned = _denoise(path, photo)
    document = describe(fields, model="denoiser.onnx")
    say(fields_table(document, lang))
    for line in notes(document, lang):
        say(line)
    units = [region(fields, layer, unit_under(fields, layer, UNIT_AT)) for layer in DEPTHS]
    views = [view_of(unit, lang=lang) for unit in units]
    figure = field_picture(photo, views, lang=lang)
    alone = {
        layer: figure_bytes(field_picture(photo, [view], ROW_TALL, lang=lang))
        for layer, view in zip(DEPTHS, views, strict=True)
    }
    png = figure_bytes(figure)
    yield write_atomically(out / "report.html", to_html(document, png, lang, alone, taught))
    yield write_atomically(out / "fields.png", png)
    yield write_atomically(out / "fields.svg", figure_bytes(figure, "svg"))
    if cleaned is not None:
        noisy, clean = (psnr(photo, picture) for picture in cleaned)
        say(word("demo_noisy", lang, noisy=noisy, clean=clean))
        told = {
            "demo_photo": "x".join(map(str, photo.shape[:2])),
            "demo_noise": f"{noisy:.2f}",
            "demo_clean": f"{clean:.2f}",
        }
        labels = [word(key, lang, value=value) for key, value in told.items()]
        strip = strip_picture([photo, *map(_as_photo, cleaned)], labels)
        yield write_atomically(out / "denoised.png", figure_bytes(strip))
    for name, text in (("json", to_json(document)), ("csv", to_csv(document)), ("md", to_markdown(document, lang))):
        yield write_atomically(out / f"fields.{name}", text)


def psnr(photo: Photo, picture: Floats) -> float:
    """Peak signal-to-noise ratio in decibels of a picture in [0, 1] against the photograph, nothing clipped."""
    error = picture.astype(np.float64) - photo / 255
    return float(-10 * np.log10(np.mean(error**2)))


def _denoise(path: Path, photo: Photo) -> tuple[Floats, Floats] | None:
    """The noisy and the denoised picture, each (H, W, 3); None where onnxruntime is not installed."""
    try:
        import onnxruntime
    except ImportError:
        return None
    noise = np.random.default_rng(SEED).normal(0, NOISE_SIGMA, photo.shape)
    noisy = (photo / 255 + noise).astype(np.float32)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (denoised,) = session.run(None, {session.get_inputs()[0].name: noisy.transpose(2, 0, 1)[None]})
    return noisy, np.ascontiguousarray(denoised[0].transpose(1, 2, 0))


def _as_photo(picture: Floats) -> Photo:
    return np.asarray((picture.clip(0, 1) * 255).round(), dtype=np.uint8)
