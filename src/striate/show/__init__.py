"""Results made visible: tables, JSON, CSV, Markdown, pictures, HTML, the demo. Reads results, computes none."""

from striate.files import write_atomically
from striate.geometry.conventions import SizeAnswer, output_sizes
from striate.photos import read_photo
from striate.show.chart import chart_sketch
from striate.show.document import Document, describe, select_layers
from striate.show.formats import to_csv, to_json, to_markdown
from striate.show.heat import counts_sketch, effective_sketch
from striate.show.maps import maps_sketch
from striate.show.page import to_html
from striate.show.picture import View, field_picture, figure_bytes, view_of
from striate.show.sketch import Sketch, to_animated_svg, to_gif, to_png, to_svg
from striate.show.summary import summary
from striate.show.tables import fields_table, notes
from striate.show.units import Scale, parse_pixel_size, parse_rate, scales_for
from striate.show.windows import Moving, frames, sizes_sketch

__all__ = [
    "Document",
    "Moving",
    "Scale",
    "SizeAnswer",
    "Sketch",
    "View",
    "chart_sketch",
    "counts_sketch",
    "describe",
    "effective_sketch",
    "field_picture",
    "fields_table",
    "figure_bytes",
    "frames",
    "maps_sketch",
    "notes",
    "output_sizes",
    "parse_pixel_size",
    "parse_rate",
    "read_photo",
    "scales_for",
    "select_layers",
    "sizes_sketch",
    "summary",
    "to_animated_svg",
    "to_csv",
    "to_gif",
    "to_html",
    "to_json",
    "to_markdown",
    "to_png",
    "to_svg",
    "view_of",
    "write_atomically",
]
