"""striate sweep, compare, size, completion; help, version and the reference page."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from support.command_line import one_line, run, save_model

from striate.cli import COMMANDS
from striate.reference.cli import reference_page


def test_sweep(model: Path) -> None:
    result = run("sweep", model, "second", "14:16", "--input", "1x3x16x16")
    assert "Nothing shifts at: 14x14, 15x15, 16x16" in result.stdout


SKIP = """
import torch
class Skip(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.up = torch.nn.Conv2d(3, 3, 2, 2), torch.nn.ConvTranspose2d(3, 3, 2, 2)
    def forward(self, x):
        return x + self.up(self.down(x))
"""


def test_sweep_names_the_sizes_that_do_not_fit_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "skipping.py").write_text(SKIP)
    monkeypatch.chdir(tmp_path)
    ask = ("sweep", "skipping:Skip", "up")
    result = run(*ask, "14:17", "--input", "1x3x16x16")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines if "periodic" in line] == ["14x14", "16x16"]
    assert "Does not fit: 15x15, 17x17" in lines
    assert lines[-1].startswith("15x15: the module itself: aten.add")
    one_line(run(*ask, "15,17", "--input", "1x3x16x16"), 2, "none of the sizes fits; 15x15: ")


def test_compare(model: Path, tmp_path: Path) -> None:
    other = save_model(tmp_path / "other.onnx", (0, 0, 1, 1))
    same = run("compare", model, model, "--input", "1x3x16x16")
    assert (same.exit_code, same.stdout) == (0, "2 layers paired, 0 differences\n")
    differs = run("compare", model, other, "--input", "1x3x16x16")
    assert differs.exit_code == 1
    assert "shift" in differs.stdout


def test_size() -> None:
    text = run("size", "4", "--kernel", "3", "--stride", "2").stdout
    for part in ("[. 0 1] [1 2 3]", "[0 1 2] [2 3 .]", "floor(1/2) + 1 = 1; 1 over", "Caffe", "TensorFlow SAME"):
        assert part in text
    answers = json.loads(run("size", "4", "--kernel", "3", "--stride", "2", "--json").stdout)
    assert [answer["output"] for answer in answers] == [1, 2, 1, 2, 2]


def test_every_help_has_an_example() -> None:
    for command in COMMANDS:
        text = run(command.name, "--help").stdout
        assert f"striate {command.name}" in text.partition("Example")[2], command.name
        assert all(isinstance(p, click.Argument) or p.help for p in command.params), command.name


def test_help_and_version() -> None:
    text = run("--help").stdout
    assert "Exit codes:" in text
    assert all(str(command.name) in text for command in COMMANDS)
    assert run("--version").stdout.startswith("striate ")


def test_completion() -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_STRIATE_COMPLETE" in run("completion", shell).stdout


def test_the_reference_is_current() -> None:
    page = Path(__file__).parents[2] / "docs" / "cli.md"
    assert page.read_text(encoding="utf-8") == reference_page(), "run: python -m striate.reference.cli > docs/cli.md"
