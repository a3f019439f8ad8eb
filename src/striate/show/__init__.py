"""Results made visible: tables, JSON, CSV, Markdown, pictures, HTML, the demo. Reads results, computes none."""

from striate.files import write_atomically
from striate.geometry.conventions import SizeAnswer, output_sizes
from striate.show.document import Document, describe, select_layers
from striate.show.formats import to_csv, to_json, to_markdown
from striate.show.page import to_html
from striate.show.picture import View, field_picture, figure_bytes, read_photo, view_of
from striate.show.summary import summary
from striate.show.tables import fields_table, notes
from striate.show.units import Scale, parse_pixel_size, parse_rate, scales_for

__all__ = [
    "Document",
    "Scale",
    "SizeAnswer",
    "View",
    "describe",
    "field_picture",
    "fields_table",
    "figure_bytes",
    "notes",
    "output_sizes",
    "parse_pixel_size",
    "parse_rate",
    "read_photo",
    "scales_for",
    "select_layers",
    "summary",
    "to_csv",
    "to_html",
    "to_json",
    "to_markdown",
    "view_of",
    "write_atomically",
]
