"""Files that are either whole or not there."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from striate.errors import InputError


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> Path:
    """Write ``content`` (text as UTF-8) to ``path`` in one step, as ``replace_file`` does; make the folders above it.

    Raises InputError where the file cannot be written.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}") from error
    return target


def replace_file(path: str | os.PathLike[str], data: bytes) -> None:
    """Write to a file beside ``path``, then rename it: at every moment, also after a crash, ``path`` is old or whole.

    A link is followed; a device or a pipe, which cannot be replaced, is written to. Raises OSError.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file() and not target.is_dir():
        target.write_bytes(data)
        return
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with open(part, "xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
