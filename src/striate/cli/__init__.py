"""The command line: one command per question, every error one line and a documented exit code."""

from striate.cli.app import app, main
from striate.cli.ask import compare_command, fields_command, reach_command, region_command, sweep_command
from striate.cli.prove import check_command, completion_command, demo_command, size_command

COMMANDS = (
    *(fields_command, region_command, reach_command, sweep_command, compare_command),
    *(check_command, size_command, demo_command, completion_command),
)
for command in COMMANDS:
    app.add_command(command)

__all__ = ["COMMANDS", "app", "main"]
