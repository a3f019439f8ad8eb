"""The report in a real browser: nothing stands out of the window, the head stays, search, filter, sort, a click."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from support.command_line import DENOISER

import striate
from striate.show import describe, to_html
from striate.show.report import report_picture, row_pictures

PROBE = """
const rows = () => [...document.querySelectorAll("#layers tbody tr:not(.detail):not([hidden])")];
const scroll = document.querySelector(".scroll"), head = document.querySelector("#layers thead th");
const top_of = node => Math.round(node.getBoundingClientRect().top);
const out = {wide: document.documentElement.scrollWidth - innerWidth, width: innerWidth, all: rows().length};
scroll.scrollTop = 200;
out.moved = Math.round(scroll.scrollTop) > 0;
out.head = top_of(head) - top_of(scroll);
const cut = [...document.querySelectorAll("body *")].filter(node => !node.closest(".scroll, figure, svg"));
out.cut = cut.filter(node => node.getBoundingClientRect().right > innerWidth + 1).map(node => node.tagName);
const drawn = row => { row.click();
  const detail = document.querySelector("tr.detail");
  return [detail?.textContent, Boolean(detail?.querySelector("img, svg")), detail?.previousSibling === row]; };
out.picture = drawn(document.querySelector("tr[data-picture]"));
out.plain = drawn(rows().find(row => !row.dataset.picture && row.dataset.box));
const search = document.querySelector(".tools input"), facts = document.querySelector(".tools select");
search.value = "MID1"; search.oninput();
out.found = rows().map(row => row.cells[0].textContent);
search.value = ""; facts.value = "periodic"; facts.onchange();
out.periodic = rows().length;
facts.value = ""; facts.onchange();
document.querySelectorAll("#layers th button")[3].click();
out.sorted = rows().map(row => Number(row.cells[3].dataset.v));
out.bars = document.querySelectorAll(".chart rect").length;
out.legend = document.querySelectorAll(".legend dt").length;
const probe = document.body.appendChild(document.createElement("pre"));
probe.id = "probe"; probe.textContent = JSON.stringify(out);
"""


def browser() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("needs chromium or Chrome, in which the report is opened")
    return found


def probed(page: str, width: int, folder: Path, program: str) -> dict[str, Any]:
    """What the probe finds in a page that a browser shows at a width."""
    path = folder / "report.html"
    path.write_text(page.replace("</body>", f"<script>{PROBE}</script></body>"), encoding="utf-8")
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={width},900", "--dump-dom")
    done = subprocess.run(
        [program, *options, f"--user-data-dir={folder / 'profile'}", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
        env={**os.environ, "HOME": str(folder)},
    )
    told = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, re.DOTALL)
    assert told is not None, done.stdout[-500:] + done.stderr[-500:]
    found: dict[str, Any] = json.loads(unescape(told[1]))
    return found


@pytest.mark.parametrize(("width", "lang"), [(1400, "en"), (500, "zh")])
def test_the_report_in_a_browser(width: int, lang: str, tmp_path: Path) -> None:
    program = browser()
    fields = striate.load(DENOISER, (1, 3, 48, 64)).fields()
    document = describe(fields)
    page = to_html(document, report_picture(fields, document, None, lang), lang, row_pictures(fields, document, None))
    found = probed(page, width, tmp_path, program)
    assert found["width"] >= width - 20
    assert (found["wide"] <= 0, found["cut"]) == (True, [])
    assert found["moved"]
    assert abs(found["head"]) <= 2, "the head went away with the rows"
    for text, shown, beneath in (found["picture"], found["plain"]):
        assert re.search(r"\[-?\d+, \d+\) x \[-?\d+, \d+\)", text)
        assert shown
        assert beneath
    assert found["found"] == [name for name in fields if "mid1" in name]
    assert found["all"] == len(document["layers"]) == found["bars"]
    assert found["periodic"] == sum(
        any("periodic" in axis["facts"] for axis in layer["axes"]) for layer in document["layers"]
    )
    assert found["sorted"] == sorted(found["sorted"])
    assert found["legend"] == 3


def test_the_probe_sees_what_is_cut_and_a_head_that_goes(tmp_path: Path) -> None:
    program = browser()
    page = to_html(describe(striate.load(DENOISER, (1, 3, 48, 64)).fields()))
    page = page.replace("position:sticky", "position:static").replace("<footer>", '<footer style="width:3000px">')
    page = page.replace("<tr tabindex", '<tr data-picture="iVBORw==" tabindex', 1)
    found = probed(page, 1400, tmp_path, program)
    assert "FOOTER" in found["cut"]
    assert found["wide"] > 0
    assert found["head"] < -100
