"""striate sharing: its table, one layer in full, its JSON, and what it refuses."""

from __future__ import annotations

import json

from support.command_line import DENOISER, on_terminal, one_line, run

from striate.explore import Shift, sharing

SHAPE = ("--input", "1x3x32x32")
FOUND = sharing(DENOISER, None, (1, 3, 32, 32))


def test_the_table_has_the_numbers_of_python() -> None:
    lines = run("sharing", DENOISER, *SHAPE).output.splitlines()
    rows = {line.split()[0]: line.split() for line in lines if "/conv" in line}
    assert list(rows) == [one.layer for one in FOUND]
    for one in FOUND:
        shared, local, dense, macs, inside = (int(cell.replace(",", "")) for cell in rows[one.layer][2:7])
        assert (shared, local, dense) == tuple(c.parameters for c in (one.convolution, one.local, one.dense))
        assert (macs, inside) == (one.convolution.macs, one.convolution.macs_inside)
        assert ("-" in rows[one.layer]) != isinstance(one.shift, Shift)


def test_json_has_every_number() -> None:
    document = json.loads(run("sharing", DENOISER, *SHAPE, "--json").output)
    for entry, one in zip(document["layers"], FOUND, strict=True):
        assert entry["local"]["weights"] == one.local.weights
        if isinstance(one.shift, Shift):
            assert (entry["shift"]["difference"], entry["unmeasured"]) == (one.shift.difference, None)
        else:
            assert (entry["shift"], entry["unmeasured"]) == (None, one.shift.value)


def test_one_layer_in_full_on_a_terminal() -> None:
    told = on_terminal(80, "sharing", DENOISER, "down1/conv", *SHAPE)
    assert max(map(len, told.splitlines())) <= 80
    one = next(one for one in FOUND if one.layer == "down1/conv")
    for count in (one.convolution.weights, one.local.weights, one.dense.weights, one.convolution.macs_inside):
        assert f"{count:,}" in told
    assert "Picture moved by 2 px, map of down1/conv by 1: 10x10 units equal" in told


def test_counting_alone_runs_nothing() -> None:
    told = run("sharing", DENOISER, "stem/conv", "--no-shift", *SHAPE).output
    assert told.splitlines()[-1] == "Not moved: not asked for."


def test_what_does_not_fit_is_one_line() -> None:
    one_line(run("sharing", DENOISER, "stem", *SHAPE), 2, "stem is no convolution")
    one_line(run("sharing", DENOISER, "--json", "--lang", "zh", *SHAPE), 2, "--json is the same in every language")
