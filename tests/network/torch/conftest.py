"""Lets these tests import their helpers and the enumeration oracle of the fields' tests."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
for folder in (HERE, HERE.parent, HERE.parents[1] / "fields"):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
