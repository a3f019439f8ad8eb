"""What lies on the desk: the network and the picture that the page is about, which its user may exchange."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from striate.errors import InputError, OpenInputError
from striate.explore.photo import photo_size
from striate.fields import Fields
from striate.formats.model import Model
from striate.photos import Photo, read_photo
from striate.serve.subject import Subject

# A file of a few bytes may state any size. What the page tells of a network grows with the sides of its input, and what
# it computes with the largest tensor: 2^27 numbers are half a gigabyte. A larger one is named on the command line.
MOST_SIDE, MOST_NUMBERS = 8192, 1 << 27
READ = ("onnx", "tflite")
"""What is run without building a framework's own objects."""


@dataclass(eq=False)
class Desk:
    """The subject of the page's questions; a picture or a model that is put on the desk takes the old one's place."""

    subject: Subject

    def __post_init__(self) -> None:
        self._lock = Lock()

    def put_model(self, body: bytes) -> None:
        """Take a model file, ONNX or TFLite, read as data; the picture stays where it is of the input's size."""
        with self._lock:
            photo = self.subject.photo
            model = _read(body, photo)
            fields = Fields(model)
            _check_size(fields)
            fits = photo is not None and photo.shape[:2] == photo_size(fields)
            self.subject = Subject(model, photo if fits else None)

    def put_picture(self, body: bytes) -> None:
        """Take a picture, cropped around its middle to the shape of the network's input."""
        with self._lock:
            held = self.subject
            photo = photo_of(body, photo_size(held.fields))
            self.subject = Subject(held.model, photo, held.black, held.white, held.layout)


def photo_of(body: bytes, size: tuple[int, int]) -> Photo:
    """A picture from a file's bytes in (height, width), what is over cropped off."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "picture"
        path.write_bytes(body)
        try:
            return read_photo(path, size, "crop")
        except InputError as error:
            raise InputError(str(error).removeprefix(f"{path}: ")) from error


def _read(body: bytes, photo: Photo | None) -> Model:
    model = Model(body)
    if model.kind not in READ:
        raise InputError(f"a {model.kind} file is run by its own framework: name it on the command line")
    try:
        return model.read()
    except OpenInputError as error:
        if photo is None:
            raise InputError(f"{error}; put a picture first, whose size is then taken") from error
        return model.at((1, 3, *photo.shape[:2])).read()


def _check_size(fields: Fields) -> None:
    shapes = fields.network.shapes
    sides = {axis: shapes[fields.source][k] for axis, k in fields.spatial.items()}
    for axis, side in sides.items():
        if side > MOST_SIDE:
            raise InputError(f"an input of {axis} {side:,} is too large to put on the page: at most {MOST_SIDE:,}")
    largest = max(shapes, key=lambda name: prod(shapes[name]))
    if prod(shapes[largest]) > MOST_NUMBERS:
        numbers = f"{prod(shapes[largest]):,} numbers, at most {MOST_NUMBERS:,}"
        raise InputError(f"{largest} is too large to put on the page: {numbers}; name the file on the command line")
