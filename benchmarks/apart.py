"""Work in processes of its own, forked from one that has imported everything: time, peak memory, and a cap on both."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

FORK = get_context("fork")


@dataclass(frozen=True)
class Outcome:
    """What one piece of work answered; ``word`` is ``done``, ``failed``, ``too slow`` or ``too large``.

    ``answer`` is what the work returned, or its error's one line. ``megabytes`` is the peak above what the process held
    when the work called its ``begin``; ``seconds`` the processor's time from there on.
    """

    word: str
    answer: object
    seconds: float
    megabytes: float


Begin = Callable[[], None]
Work = Callable[[Begin], object]


def outcomes(
    works: Iterable[tuple[str, Work]], *, jobs: int, seconds: float, megabytes: int
) -> Iterator[tuple[str, Outcome]]:
    """Each piece of work by name and its outcome, ``jobs`` at a time, in the order in which they end."""
    waiting, running = iter(works), dict[Connection, tuple[str, BaseProcess, float]]()
    more = True
    while more or running:
        while more and len(running) < jobs:
            name, work = next(waiting, ("", None))
            more = work is not None
            if work is not None:
                ours, theirs = FORK.Pipe(duplex=False)
                process = FORK.Process(target=_child, args=(theirs, work, megabytes))
                process.start()
                theirs.close()
                running[ours] = (name, process, time.monotonic() + seconds)
        for ready in wait(list(running), timeout=1):
            name, process, _ = running.pop(ready)
            yield name, _received(ready, process)
        for late in [pipe for pipe, (_, _, end) in running.items() if time.monotonic() > end]:
            name, process, _ = running.pop(late)
            process.kill()
            process.join()
            yield name, Outcome("too slow", f"stopped after {seconds:g} s", seconds, 0.0)


def _received(pipe: Connection, process: BaseProcess) -> Outcome:
    try:
        found = pipe.recv()
    except EOFError:
        found = None
    process.join()
    return found if isinstance(found, Outcome) else Outcome("failed", f"exit code {process.exitcode}", 0.0, 0.0)


def _child(pipe: Connection, work: Work, megabytes: int) -> None:
    held, start = resident(), time.process_time()

    def begin() -> None:
        nonlocal held, start
        Path("/proc/self/clear_refs").write_text("5")
        held, start = resident(), time.process_time()

    limit = _status("VmSize") * 1024 + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        word, answer = "done", work(begin)
    except MemoryError:
        word, answer = "too large", f"more than {megabytes} MB"
    except Exception as error:
        word, answer = "failed", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    pipe.send(Outcome(word, answer, time.process_time() - start, peak() - held))
    pipe.close()
    os._exit(0)


def resident() -> float:
    """Megabytes this process holds now."""
    return _status("VmRSS") / 1024


def peak() -> float:
    """The most megabytes this process held since its peak was last set back."""
    return _status("VmHWM") / 1024


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key + ":"))
