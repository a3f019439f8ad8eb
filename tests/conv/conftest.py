"""Every test that takes an ``algorithm`` or a ``problem`` is run with all of them."""

from __future__ import annotations

import pytest
from support.trials import PLAIN, PROBLEMS, accepts

from striate.conv import compiled_algorithms


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    algorithms = [*PLAIN, *compiled_algorithms()]
    names = {problem: name.replace(" ", "-") for name, problem in PROBLEMS.items()}
    chosen = [str(mark.args[0]) for mark in metafunc.definition.iter_markers("parametrize")]
    wanted = {"algorithm", "problem"} & set(metafunc.fixturenames) - set(chosen)
    if wanted == {"algorithm", "problem"}:
        pairs = [(algorithm, problem) for algorithm in algorithms for problem in names if accepts(algorithm, problem)]
        ids = [f"{algorithm}-{names[problem]}" for algorithm, problem in pairs]
        metafunc.parametrize(("algorithm", "problem"), pairs, ids=ids)
    elif "algorithm" in wanted:
        metafunc.parametrize("algorithm", algorithms)
    elif "problem" in wanted:
        metafunc.parametrize("problem", names, ids=names.values())
