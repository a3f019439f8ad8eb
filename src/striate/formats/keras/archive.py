"""The parts of a ``.keras`` file: a zip archive that holds a config and weights, each read within bounds."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from striate.errors import InputError, ModelError, StriateError, UnsupportedError
from striate.formats.foreign import folder, foreign, unread

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
LARGEST_CONFIG = 1 << 26
"""Bytes of the largest config that is read; that of EfficientNetV2L has some three million."""
LARGEST_METADATA = 1 << 16
MOST_PARTS = 1 << 14
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError)
"""What the reader of zip archives and its decoder raise for damaged ones."""


@dataclass(frozen=True, slots=True)
class Archive:
    """What a ``.keras`` file says of its model, and of the Keras that wrote it."""

    config: Mapping[str, Any]
    version: str


def is_keras(held: Path | bytes) -> bool:
    """Whether a file, by its name or what is in it, or bytes are meant to be a model as Keras saves them."""
    if isinstance(held, Path) and held.suffix.lower() == ".keras":
        return True
    try:
        if _head(held) not in MAGIC:
            return False
        with _opened(held) as archive:
            return {CONFIG, METADATA} <= set(archive.namelist())
    except (OSError, StriateError):
        return False


def load_archive(held: Path | bytes) -> Archive:
    """The config and metadata of a model; ModelError for what is no sound archive of one, nothing executed."""
    with _opened(held) as archive:
        config, metadata = _parsed(archive, CONFIG, LARGEST_CONFIG), _parsed(archive, METADATA, LARGEST_METADATA)
    return Archive(config, str(metadata.get("keras_version", "")))


def load_weights(held: Path | bytes) -> bytes:
    """The bytes of the HDF5 file with the weights, which Keras stores as they are: no more than the archive has."""
    with _opened(held) as archive:
        return _content(archive, WEIGHTS, len(held) if isinstance(held, bytes) else held.stat().st_size)


def _head(held: Path | bytes) -> bytes:
    if isinstance(held, bytes):
        return held[: len(MAGIC[0])]
    with held.open("rb") as file:
        return file.read(len(MAGIC[0]))


@contextmanager
def _opened(held: Path | bytes) -> Iterator[zipfile.ZipFile]:
    """The archive while it is read; InputError where the file cannot be, ModelError where it is damaged."""
    try:
        if _head(held) not in MAGIC:
            kind = foreign(held) or unread(held)
            raise ModelError("no zip archive" if kind is None else f"{kind.what}, not a .keras file; {kind.way}")
        with zipfile.ZipFile(BytesIO(held) if isinstance(held, bytes) else held) as archive:
            if len(archive.infolist()) > MOST_PARTS:
                raise ModelError(f"the archive names more than {MOST_PARTS:,} parts")
            yield archive
    except StriateError:
        raise
    except IsADirectoryError as error:
        raise InputError(folder(Path(error.filename))) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}") from error
    except DAMAGE as error:
        raise ModelError(f"a damaged zip archive ({error}); fetch or save it again") from error


def _content(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """A part by its name, at most so large when unpacked, whatever the archive says of its size."""
    parts = [info for info in archive.infolist() if info.filename == name]
    if len(parts) != 1:
        found = "holds no" if not parts else f"holds {len(parts)} parts named"
        raise ModelError(f"the archive {found} {name}: Keras writes one")
    (part,) = parts
    if part.flag_bits & 1:
        raise UnsupportedError(f"{name} is encrypted: save the model without a password")
    if part.compress_type not in METHODS:
        raise UnsupportedError(f"{name} is compressed by method {part.compress_type}; stored and deflated are read")
    if part.file_size > most:
        raise ModelError(f"{name} has {part.file_size:,} bytes unpacked, more than the {most:,} that are read")
    with archive.open(part) as file:
        content = file.read(part.file_size + 1)
    if len(content) != part.file_size:
        raise ModelError(f"{name} does not have the {part.file_size:,} bytes that the archive states")
    return content


def _parsed(archive: zipfile.ZipFile, name: str, most: int) -> Mapping[str, Any]:
    """A part that is one JSON object."""
    content = _content(archive, name, most)
    try:
        found = json.loads(content)
    except (UnicodeDecodeError, ValueError) as error:
        raise ModelError(f"{name} is no JSON: {error}") from error
    except RecursionError as error:
        raise ModelError(f"{name} is nested too deep to be a model") from error
    if not isinstance(found, dict):
        raise ModelError(f"{name} holds no JSON object")
    return found
