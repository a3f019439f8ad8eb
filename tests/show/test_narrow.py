"""Tables on narrow terminals: every number printed is one of the full table's, or one of them rounded with its unit."""

from __future__ import annotations

import io
import re
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType

import striate
from striate.cli.terminal import plain_text, show
from striate.demo.lessons import stacked
from striate.fields import Fields, compare, sweep
from striate.show import Document, describe, fields_table, notes
from striate.show.answers import SWEEP_COLUMNS, compare_columns, compare_rows, sweep_rows
from striate.show.conventions import CONVENTION_COLUMNS, convention_rows
from striate.show.grid import Column, Grid, Kind, short_count, shortened, wrapped
from striate.show.tables import grid
from striate.show.words import LANGUAGES, word

WIDTHS = (60, 80, 100, 120, 200)
UNIT = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
NUMBER = re.compile(r"[-+]?\d[\d,./]*(?:x\d+)*")
ROUNDED = re.compile(r"\b(\d+(?:\.\d+)?) ([kMGT])\b")


@cache
def detector() -> Document:
    found = find_spec("rapidocr_onnxruntime")
    if found is None or found.origin is None:
        pytest.skip("needs rapidocr-onnxruntime")
    path = Path(found.origin).parent / "models" / "ch_PP-OCRv4_det_infer.onnx"
    return describe(striate.load(path, (1, 3, 480, 480)).fields(), model=path.name)


def denoiser(size: int = 480) -> striate.LoadedModel:
    return striate.load(str(files("striate").joinpath("data/denoiser.onnx")), (1, 3, size, size))


def on_terminal(part: RenderableType, width: int) -> str:
    stream = io.StringIO()
    show(part, Console(file=stream, width=width, color_system=None, force_terminal=True, emoji=False, highlight=False))
    return stream.getvalue()


def numbers(text: str) -> set[str]:
    return set(NUMBER.findall(text))


def count(text: str) -> int | None:
    digits = text.replace(",", "")
    return int(digits) if digits.isdecimal() else None


def assert_nothing_is_cut(part: RenderableType, width: int) -> None:
    """Each number on the terminal is a number of the full text, or within half a unit of its last digit of one."""
    full, narrow = numbers(plain_text(part)), on_terminal(part, width)
    counts = [n for n in map(count, full) if n is not None]
    for text, unit in ROUNDED.findall(narrow):
        step = UNIT[unit] / 10 ** len(text.partition(".")[2])
        assert any(abs(n - float(text) * UNIT[unit]) <= step / 2 for n in counts), (text, unit)
    assert numbers(ROUNDED.sub("", narrow)) <= full
    assert all(cell_len(line) <= width for line in narrow.splitlines() if " " in line.strip())


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_fields_of_a_detector(lang: str) -> None:
    document = detector()
    table = fields_table(document, lang)
    for width in WIDTHS:
        parts: list[RenderableType] = [table, *notes(document, lang)]
        for part in parts:
            assert_nothing_is_cut(part, width)
    assert re.search(r"left out.*--format csv|未显示.*--format csv", " ".join(on_terminal(table, 80).split()))
    assert any("24.9 M" in on_terminal(table, width) for width in range(80, 140))
    assert "csv" not in on_terminal(table, 200)
    assert "24,883,200" in on_terminal(table, 200)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_fields_of_the_denoiser(lang: str) -> None:
    document = describe(Fields(denoiser()), model="denoiser.onnx")
    for width in (40, *WIDTHS):
        parts: list[RenderableType] = [fields_table(document, lang), *notes(document, lang)]
        for part in parts:
            assert_nothing_is_cut(part, width)


def test_the_other_commands() -> None:
    one, two, three = denoiser(64), denoiser(96), Fields(stacked(3))
    answer = sweep(one, "denoised", (64, 68, 132))
    differences, others = compare(one.fields(), two.fields()), compare(one.fields(), three)
    assert differences.differences
    assert others.differences
    parts = (
        grid(SWEEP_COLUMNS, sweep_rows(answer), "denoised over input sizes"),
        grid(compare_columns(differences), compare_rows(differences), "one and two"),
        grid(compare_columns(others), compare_rows(others), "one and three"),
        grid(CONVENTION_COLUMNS, convention_rows(12345, 11, 7, 5, 3), "12345 pixels"),
        "Parameters 1,171,641 · MACs 1,294,887,744 · peak activations 21.1 MiB at p2o.Clip.2.",
    )
    for width in WIDTHS:
        for part in parts:
            assert_nothing_is_cut(part, width)


def test_the_oracle_sees_a_cut_number() -> None:
    whole = Grid((Column("layer"), Column("MACs")), (("conv", "99,532,800"),))

    class Cut:
        def __rich_console__(self, console: Console, options: object) -> list[str]:
            return ["conv 99,532,800" if console.width > 1000 else "conv 99,532,8"]

    assert_nothing_is_cut(whole, 18)
    with pytest.raises(AssertionError):
        assert_nothing_is_cut(Cut(), 14)


def test_columns_leave_in_order_and_are_named() -> None:
    columns = (
        *(Column("layer", Kind.NAME), Column("op", leaves=1), Column("MACs", Kind.COUNT, 2, right=True)),
        *(Column("size", right=True), Column("status", Kind.LIST)),
    )
    row = ("features.0.conv", "Convolution", "1,234,567", "79-83 x 79-83", "periodic, misaligned")
    table = Grid(columns, (row,), elsewhere=("--format csv",))
    seen: dict[tuple[object, ...], tuple[str, ...]] = {}
    for width in range(90, 20, -1):
        fit = table.fitted(width)
        seen.setdefault((fit.left_out, fit.rounded, fit.note()), fit.grid.rows[0])
    assert [left_out for left_out, *_ in seen] == [(), (), ("op",), ("op",), ("op", "MACs"), ("op", "MACs")]
    assert list(seen.values())[1] == ("features.0.conv", "Convolution", "1.23 M", "79-83 x 79-83", row[4])
    assert table.fitted(90).note() == ""
    assert "op, MACs left out, names shortened" in table.fitted(39).note()


def test_a_table_that_fits_nowhere_keeps_its_numbers() -> None:
    table = Grid((Column("layer", Kind.NAME), Column("shape")), (("conv", "1x16x480x480"),))
    assert "1x16x480x480" in on_terminal(table, 10)


@given(st.text(st.sampled_from("ab.12345感受"), max_size=30), st.integers(3, 30))
def test_a_shortened_name_holds_whole_numbers(name: str, width: int) -> None:
    short = shortened(name, width)
    assert cell_len(short) <= max(width, 1)
    if "…" in short:
        head, tail = short.split("…")
        assert name.startswith(head)
        assert name.endswith(tail)
        assert not (head[-1:].isdigit() and name[len(head)].isdigit())
        assert not (tail[:1].isdigit() and name[-len(tail) - 1].isdigit())
    else:
        assert short == name


@given(st.integers(0, 10**19))
def test_a_rounded_count_is_the_nearest(n: int) -> None:
    text, _, unit = short_count(f"{n:,}").partition(" ")
    factor = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}[unit]
    step = factor / 10 ** len(text.partition(".")[2])
    assert abs(float(text.replace(",", "")) * factor - n) <= step / 2 * (1 + 1e-9)
    assert len(text.replace(".", "")) <= 3 or n >= 10**18


@given(st.text(st.sampled_from("ab 12[]，感受"), max_size=40), st.integers(4, 20))
def test_wrapped_text_loses_nothing(text: str, width: int) -> None:
    assert "".join("".join(wrapped(text, width)).split()) == "".join(text.split())


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_status_has_its_colour_in_each_language(lang: str) -> None:
    table = grid(("layer", "status"), [("one", word("exact", lang)), ("two", word("whole", lang))], lang=lang)
    console = Console(file=io.StringIO(), width=60, color_system="standard", force_terminal=True)
    console.print(table)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert f"\x1b[32m{word('exact', lang)}" in printed
    assert f"\x1b[35m{word('whole', lang)}" in printed
