"""The command line: one command per question, every error one line and a documented exit code."""

from striate.cli.animate import animate_command
from striate.cli.app import app, main
from striate.cli.check import check_command
from striate.cli.compare import compare_command, sweep_command
from striate.cli.completion import completion_command
from striate.cli.crop import crop_command
from striate.cli.demo import demo_command
from striate.cli.effective import effective_command
from striate.cli.explain import explain_command
from striate.cli.features import features_command
from striate.cli.fields import fields_command
from striate.cli.hierarchy import hierarchy_command
from striate.cli.region import reach_command, region_command
from striate.cli.serve import export_command, serve_command
from striate.cli.sharing import sharing_command
from striate.cli.size import size_command
from striate.cli.strongest import strongest_command
from striate.cli.tuning import tuning_command

COMMANDS = (
    *(fields_command, region_command, reach_command, effective_command, sweep_command, compare_command),
    *(check_command, crop_command, size_command, explain_command, tuning_command, strongest_command, features_command),
    *(hierarchy_command, sharing_command, animate_command, serve_command, export_command),
    *(demo_command, completion_command),
)
for command in COMMANDS:
    app.add_command(command)

__all__ = ["COMMANDS", "app", "main"]
