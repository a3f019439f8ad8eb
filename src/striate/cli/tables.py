"""Tables as text that a spreadsheet reads."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence


def csv_text(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows below their heads, values apart by commas.

    >>> csv_text(("channel", "picture"), [(3, "a, b.png")])
    'channel,picture\\n3,"a, b.png"\\n'
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return stream.getvalue()
