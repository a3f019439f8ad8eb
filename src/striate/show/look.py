"""Pages that need no other file: a template, and the look that all of them have."""

from __future__ import annotations

from importlib.resources import files
from string import Template


def filled(name: str, **values: str) -> str:
    """The page of a template with its values.

    >>> filled("plain.html", lang="en", title="A net", parts="", made_by="").count("<h1>A net</h1>")
    1
    """
    folder = files("striate.show")
    template = Template(folder.joinpath(name).read_text(encoding="utf-8"))
    return template.substitute(values, look=folder.joinpath("look.css").read_text(encoding="utf-8"))
