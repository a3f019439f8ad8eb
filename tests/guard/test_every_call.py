"""Every public call with any types of arguments: a right answer, or one clear line of striate's own."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import chdir
from inspect import isfunction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from support.odd import RefusalError, Subject, drawn
from support.subjects import FUNCTIONS, commands, folder

import striate
import striate.conv
import striate.torch
from striate.values import shown

CALLS = int(os.environ.get("STRIATE_GUARD_CALLS", "1000"))
COMMANDS_SHARE = 20
SEED = 1
ROOM = 4 * 2**30


def outcome(subject: Subject, arguments: dict[str, Any]) -> str:
    """What one call came to, naming neither memory nor the folder; raises AssertionError where it is not allowed."""
    call = f"{subject.name}({', '.join(f'{name}={shown(value)}' for name, value in arguments.items())})"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            answer = subject.call(**arguments)
    except striate.StriateError as error:
        text = str(error)
        assert text.strip(), f"{subject.name}: an error without a word"
        assert len(text.splitlines()) == 1, f"{subject.name}: more than one line: {text!r}"
        assert len(text) < 2000, f"{subject.name}: {len(text)} characters"
        text = text.split(" at 0x")[0].replace(str(folder()), "FOLDER")
        return f"{type(error).__name__}: {text}"
    except AssertionError:
        raise
    except BaseException as error:
        raise AssertionError(f"{call} raised a raw {type(error).__name__}: {error}") from error
    if subject.oracle is not None:
        try:
            subject.oracle(arguments, answer)
        except RefusalError as refusal:
            raise AssertionError(f"{call} answered where it should refuse: {refusal}") from None
        except AssertionError as wrong:
            raise AssertionError(f"{call}: wrong: {wrong}") from None
        except (TypeError, ValueError, IndexError, OverflowError, MemoryError) as refusal:
            raise AssertionError(f"{call} answered what the oracle can't: {refusal}") from None
    return f"answer {digest(answer)}"


def digest(answer: Any) -> str:
    """A short name of an answer's content."""
    if isinstance(answer, np.ndarray):
        return hashlib.sha1(np.ascontiguousarray(answer).tobytes()).hexdigest()[:8]
    return type(answer).__name__


def run(calls: int, *, backwards: bool = False) -> tuple[list[str], list[str]]:
    """Outcomes of seeded calls in order, and what was not allowed."""
    subjects = [*FUNCTIONS, *commands()]
    few = len(FUNCTIONS)
    rng = random.Random(SEED)
    order = [
        (
            rng.randrange(few) if rng.randrange(COMMANDS_SHARE) else rng.randrange(few, len(subjects)),
            rng.randrange(2**32),
        )
        for _ in range(calls)
    ]
    found, wrong = [], []
    for number, seed in reversed(order) if backwards else order:
        subject = subjects[number]
        # A word drawn for a file's name is written where no later call finds it.
        with TemporaryDirectory() as empty, chdir(empty):
            try:
                found.append(outcome(subject, drawn(subject, random.Random(seed))))
            except AssertionError as error:
                found.append("not allowed")
                wrong.append(" ".join(str(error).split())[:600])
    return (found[::-1] if backwards else found), wrong


@pytest.fixture(autouse=True)
def bounded_memory() -> Iterator[None]:
    """A call that asks for more memory than it may have fails here, and takes nothing down."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def test_every_call_answers_right_or_refuses_in_one_line() -> None:
    found, wrong = run(CALLS)
    kinds = Counter(text.split(":")[0].split()[0] for text in found)
    assert wrong == [], f"{len(wrong)} of {CALLS}: " + "\n".join(wrong[:20])
    assert kinds["answer"] > CALLS // 5, kinds


def test_no_answer_depends_on_what_was_called_before() -> None:
    calls = max(CALLS // 3, 200)
    code = (
        f"import sys; sys.path[:0] = {[str(folder) for folder in Path(__file__).parents[:2]]}; "
        "import test_every_call as t; "
        f"print(chr(0).join(t.run({calls}, backwards=True)[0]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=1500)
    here = run(calls)[0]
    there = done.stdout.rstrip("\n").split("\0")
    differing = [(a, b) for a, b in zip(here, there, strict=True) if a != b]
    assert differing == []


def test_every_public_function_is_drawn() -> None:
    told = ("compiled_algorithms", "compiled_ways", "instruction_sets", "get_threads", "get_cache_limit", "cache_bytes")
    names = {
        name
        for module in (striate, striate.conv, striate.torch)
        for name in module.__all__
        if isfunction(getattr(module, name)) and name not in told
    }
    assert names - {subject.name for subject in FUNCTIONS} == set()


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
def test_twenty_thousand_calls() -> None:
    wrong = run(20_000)[1]
    assert wrong == [], f"{len(wrong)}: " + "\n".join(wrong[:20])


def test_a_wrong_answer_and_a_raw_error_are_seen() -> None:
    def raw(**_: Any) -> None:
        raise IndexError("tuple index out of range")

    def judge(_arguments: Any, answer: Any) -> None:
        assert answer == 2

    with pytest.raises(AssertionError, match="raw IndexError"):
        outcome(Subject("raw", raw, {}), {})
    with pytest.raises(AssertionError, match="wrong"):
        outcome(Subject("one", lambda: 1, {}, judge), {})
