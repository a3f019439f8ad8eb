"""striate sweep and compare: one network at several sizes, two networks side by side."""

from __future__ import annotations

from dataclasses import replace

import click

from striate.cli.app import DISAGREED
from striate.cli.models import open_model
from striate.cli.options import lang_option
from striate.cli.parsing import SHAPE, SIZES
from striate.cli.question import Question, local_option, model_options, named_input, shapes_of
from striate.cli.spelling import command_words
from striate.cli.terminal import progress, say
from striate.fields import compare, sweep
from striate.progress import ticking
from striate.show.answers import SWEEP_COLUMNS, compare_columns, compare_lines, compare_rows, sweep_lines, sweep_rows
from striate.show.tables import grid
from striate.show.words import word


@click.command("sweep")
@model_options
@local_option
@click.argument("layer")
@click.argument("sizes", type=SIZES)
@lang_option
def sweep_command(question: Question, layer: str, sizes: list[int | tuple[int, ...]], lang: str) -> None:
    """The fields of LAYER at several input sizes, and the sizes at which nothing shifts.

    SIZES is 224,256,300x400 or first:last:step, last included. Sizes that the model does not take are named beneath.

    \b
    Example:
      striate sweep model.onnx layer4 220:228 --input 1x3x224x224
    """
    with progress("reading the model at each size") as report:
        model = question.open()
        answer = sweep(model, layer, ticking(sizes, report), question.source, question.layout, local=question.local)
    say(grid(SWEEP_COLUMNS, sweep_rows(answer, lang), word("sweep_title", lang, layer=layer), lang))
    for line in sweep_lines(answer, lang):
        say(command_words(line))


@click.command("compare")
@model_options
@click.argument("other")
@click.option(
    "--other-input",
    "other_inputs",
    type=SHAPE,
    multiple=True,
    metavar="SHAPE",
    help="Input shape of OTHER (default: the same).",
)
@lang_option
def compare_command(
    question: Question, other: str, other_inputs: tuple[tuple[str, tuple[int, ...]], ...], lang: str
) -> None:
    """Two networks layer by layer: where shapes agree and pixels do not. Exits 1 where they differ.

    \b
    Example:
      striate compare ours.onnx theirs.onnx --input 1x3x224x224
    """
    with progress("reading the models"):
        shapes = shapes_of(other_inputs, "--other-input") or question.shapes
        wanted = named_input(other_inputs) or question.source
        second = open_model(other, shapes, question.unknown, question.given)
        source = wanted if wanted in second.network.inputs else None
        answer = compare(question.fields(), replace(question, model=other, source=source).fields_of(second))
    if answer.differences:
        title = word("compare_title", lang, left=question.model, right=other)
        say(grid(compare_columns(answer), compare_rows(answer, lang), title, lang))
    for line in compare_lines(answer, question.model, other, lang):
        say(line)
    if not answer.same:
        raise click.exceptions.Exit(DISAGREED)
