"""Measured algorithms are kept in a file: found again, renewed when damaged, never in the way of a result."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from striate.conv import conv2d, get_threads, plan, set_cache, set_threads
from striate.conv import measured as kept
from striate.conv.problem import Problem

X, W = np.ones((1, 4, 9, 9), np.float32), np.ones((4, 4, 3, 3), np.float32)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("STRIATE_CACHE", raising=False)
    set_cache(None)
    yield
    set_cache(None)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every problem that is measured, in order."""
    seen: list[object] = []
    measure = plan.measure

    def spy(problem: Problem, *more: Any) -> Any:
        seen.append(problem)
        return measure(problem, *more)

    monkeypatch.setattr(plan, "measure", spy)
    return seen


def convolve() -> np.ndarray:
    return conv2d(X, W, algorithm="measured")


def algorithms(folder: Path) -> dict[str, str]:
    (file,) = folder.iterdir()
    kept: dict[str, str] = json.loads(file.read_text())["algorithms"]
    return kept


def test_a_choice_outlives_the_process(tmp_path: Path, measured: list[object]) -> None:
    set_cache(tmp_path / "deep" / "cache")
    first = convolve()
    assert len(measured) == 1
    before = algorithms(tmp_path / "deep" / "cache")
    code = (
        "import numpy as np\nfrom striate.conv import plan, conv2d\n"
        "plan.measure = None\n"
        "conv2d(np.ones((1, 4, 9, 9), 'f'), np.ones((4, 4, 3, 3), 'f'), algorithm='measured')"
    )
    environment = os.environ | {"STRIATE_CACHE": str(tmp_path / "deep" / "cache"), "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    set_cache(tmp_path / "deep" / "cache")
    np.testing.assert_array_equal(convolve(), first)
    assert len(measured) == 1
    assert algorithms(tmp_path / "deep" / "cache") == before


def test_nothing_is_kept_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured: list[object]) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for off in (None, False):
        set_cache(off)
        convolve()
    monkeypatch.setenv("STRIATE_CACHE", "0")
    set_cache(None)
    convolve()
    assert len(measured) == 3
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the user's cache folder is another")
def test_the_users_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "argument"))
    set_cache(True)
    convolve()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "variable"))
    monkeypatch.setenv("STRIATE_CACHE", "1")
    set_cache(None)
    convolve()
    assert len(algorithms(tmp_path / "argument" / "striate")) == len(algorithms(tmp_path / "variable" / "striate")) == 1


def test_a_choice_holds_for_its_threads_type_accuracy_and_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured: list[object]
) -> None:
    set_cache(tmp_path)
    convolve()
    conv2d(X, W, algorithm="measured", accuracy="strict")
    conv2d(X.astype(float), W.astype(float), algorithm="measured")
    before = get_threads()
    set_threads(before + 1)
    convolve()
    set_threads(0 if before == get_threads() else before)
    assert len(measured) == len(algorithms(tmp_path)) == 4
    monkeypatch.setattr(kept, "cpu_model", lambda: "another")
    set_cache(tmp_path)
    convolve()
    assert len(measured) == len(algorithms(tmp_path)) == 5


DAMAGED = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'{"algorithms": 3}',
    b'{"algorithms": {"a": 3}}',
    b'{"algorithms": {"a"',
    b"\xff\xfe",
    b"[" * 100_000,
]


@pytest.mark.parametrize("damage", DAMAGED, ids=[str(part[:12]) for part in DAMAGED])
def test_a_damaged_file_is_told_of_and_replaced(tmp_path: Path, damage: bytes, measured: list[object]) -> None:
    set_cache(tmp_path)
    convolve()
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage)
    set_cache(tmp_path)
    with pytest.warns(UserWarning, match=r"measured-.*\.json does not hold measured algorithms") as told:
        convolve()
    assert len(told) == 1
    assert "\n" not in str(told[0].message)
    assert json.loads(file.read_bytes()).keys() == json.loads(whole).keys()
    assert len(measured) == 2


@pytest.mark.parametrize("wrong", ["no such algorithm", "auto", "measured", "reference", ""])
def test_an_algorithm_that_cannot_compute_is_measured_again(tmp_path: Path, wrong: str, measured: list[object]) -> None:
    set_cache(tmp_path)
    right = convolve()
    (file,) = tmp_path.iterdir()
    whole = algorithms(tmp_path)
    file.write_text(json.dumps({"algorithms": dict.fromkeys(whole, wrong)}))
    set_cache(tmp_path)
    np.testing.assert_allclose(convolve(), right, rtol=1e-4)
    assert len(measured) == 2
    assert algorithms(tmp_path).keys() == whole.keys()
    assert wrong not in algorithms(tmp_path).values()


def test_a_folder_that_cannot_be_written_costs_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    set_cache(tmp_path / "file")
    with pytest.warns(UserWarning, match="cannot be kept") as told:
        convolve()
    assert len(told) == 1


def _measure(folder: str, size: int) -> None:
    set_cache(folder)
    conv2d(np.ones((1, 1, size, size), np.float32), np.ones((1, 1, 3, 3), np.float32), algorithm="measured")


def test_processes_that_write_at_once_leave_a_whole_file(tmp_path: Path) -> None:
    workers = [
        multiprocessing.get_context("spawn").Process(target=_measure, args=(str(tmp_path), size))
        for size in range(4, 8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert 1 <= len(algorithms(tmp_path)) <= 4
