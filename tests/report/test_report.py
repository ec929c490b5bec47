import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from biomap_xr.evaluation.intervals import Interval
from biomap_xr.evaluation.map_statistics import summarise
from biomap_xr.evaluation.metrics import Score
from biomap_xr.evaluation.tables import Measure, Row
from biomap_xr.evaluation.truth import RichnessError, Skill, TruthComparison
from biomap_xr.report.content import Fact, Picture, ReportContent, Scoreboard, Section, Table
from biomap_xr.report.figures import status_map
from biomap_xr.report.gallery import picture
from biomap_xr.report.report import compact, percent, render, write_report

HOSTILE = (
    "\"><script>alert('Abies')</script><img src=https://example.org/x onerror=alert(1)> & {{ 7*7 }}"
)
EMPTY_TAGS = {"meta", "img", "source", "br"}


class Page(HTMLParser):
    """Checks that elements close in order and collects what a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.addresses: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        names = dict(attrs)
        assert not [name for name in names if name.startswith("on")]
        self.addresses += [
            value for name in ("src", "srcset", "href") if (value := names.get(name))
        ]
        if tag not in EMPTY_TAGS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == []
    return page


def full(name: str = "Abies alba") -> ReportContent:
    drawn = Picture(f"species {name}", f"Map of {name}", f"Where {name} grows", b"light", b"dark")
    spread = Interval(0.85, 0.95, 0.95, 1000, 31)
    statistics = summarise(
        np.array([300, 0]),
        [name, "none"],
        valid=400,
        resolution=50,
        presence="f_score_global",
        threshold=0.31,
    )
    table = Table(f"about {name}", ("key", "value"), ((name, 12345), ("share", 0.0711)), name)
    skill = Skill(Score(0.85, 2, 0), Score(0.9, 2, 0))
    return ReportContent(
        title=f"Map of {name}",
        lead=name,
        unfinished=(f"{name}: 15 of 28 tiles",),
        summary=(Fact(name, name, name),),
        maps=(drawn,),
        evaluation=(
            Row(name, (Measure("AUC", 0.9, "species", 498, 12, spread),), name),
            Row("not defined", (Measure("AUC", float("nan"), "species", 0, 510),)),
        ),
        evaluation_note=name,
        evaluation_chart=drawn,
        truth=(TruthComparison(name, skill, RichnessError(2.0, 20.0, -1.0, 9)),),
        statistics=statistics,
        area_chart=drawn,
        thresholds=(table,),
        observations=(table,),
        predictors=(table,),
        provenance=(table,),
    )


def test_the_page_says_every_number_of_its_content() -> None:
    page = read(render(full()))
    for expected in (
        "0.900", "0.850 – 0.950", "498 species (12 not defined, left out)", "31 blocks",
        "95% intervals over 1,000", "0.931", "87.5%", "0.850 / 0.900", "2.0 of 20.0",
        "10.0%, bias -1.0",
        "15 of 28 tiles", "one threshold for all (0.310)",
        "11,255", "132.8 million", "58.6%", "75.0%", "12,345", "0.0711",
    ):  # fmt: skip
        assert expected in page.text, expected


def test_an_empty_report_is_a_page_without_empty_parts() -> None:
    page = read(render(ReportContent("nothing yet")))
    assert "section" not in page.seen
    assert "nothing yet" in page.text


def test_long_tables_are_folded_under_their_caption() -> None:
    rows: tuple[tuple[str, float, int], ...] = (("a", 0.5, 12_000), ("b", float("nan"), 1))
    table = Table("All of them", ("name", "F-score", "plots"), rows, folded=True, decimals=3)
    board = Scoreboard("Members", (Row("one", ()),), folded=True)
    section = Section("part", "Part", "Words.", (board,), (table,))
    html = render(ReportContent(title="x", habitats=(section,)))
    assert html.count("<details>") == html.count("</details>") == 2
    assert "<summary>All of them</summary>" in html
    assert "<caption>" not in html
    # Three decimals in each line, over which the column's name stands.
    assert '<td class="number">0.500</td><td class="number">12,000</td>' in html
    assert '<td class="number">–</td><td class="number">1</td>' in html
    assert '<th scope="col">name</th><th scope="col" class="number">F-score</th>' in html


def test_a_model_without_intervals_is_said_to_have_none() -> None:
    content = ReportContent("x", evaluation=(Row("all", (Measure("AUC", 0.9, "species", 3, 0),)),))
    assert "No intervals" in read(render(content)).text


def test_names_are_escaped_wherever_they_stand() -> None:
    html = render(full(HOSTILE))
    page = read(html)
    assert "script" not in page.seen
    assert page.seen.count("img") == 3
    assert "<script" not in html
    assert HOSTILE in page.text


def test_the_page_asks_for_nothing_from_elsewhere() -> None:
    html = render(full())
    page = read(html)
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in page.addresses)
    assert not re.search(r"url\(|@import|https?://", html)
    assert "default-src 'none'" in html


def test_every_link_of_the_page_has_its_target() -> None:
    html = render(full())
    wanted = {address for address in read(html).addresses if address.startswith("#")}
    assert wanted == {f"#{name}" for name in re.findall(r'<section id="(\w+)"', html)}


def test_both_colour_schemes_have_their_pictures() -> None:
    html = render(full())
    assert (
        html.count('media="(prefers-color-scheme: dark)" srcset="data:image/png;base64,ZGFyaw=="')
        == 3
    )
    assert html.count('src="data:image/png;base64,bGlnaHQ="') == 3


def test_page_and_numbers_are_written_whole_and_again(
    tmp_path: Path, indicators: xr.Dataset
) -> None:
    status = picture("status", "", "", lambda theme: status_map(indicators, theme=theme))
    content = ReportContent("written", maps=(status,))
    files = write_report(content, tmp_path / "run" / "report")
    first = files.page.read_bytes()
    assert json.loads(files.metrics.read_text())["title"] == "written"
    assert write_report(content, files.page.parent).page.read_bytes() == first
    assert sorted(path.name for path in files.page.parent.iterdir()) == [
        "index.html",
        "metrics.json",
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(5.5e9, "5.5 billion"), (3.23e9, "3.23 billion"), (99.96, "100.0"), (12, "12")],
)
def test_counts_are_read_at_a_glance(value: float, expected: str) -> None:
    assert compact(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0, "0%"), (0.024, "2.4%"), (float("nan"), "–"), (None, "–")]
)
def test_shares_are_percentages(value: float | None, expected: str) -> None:
    assert percent(value) == expected
