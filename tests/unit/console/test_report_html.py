"""report.html: one file, escaped, complete, readable by a machine that reads aloud."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from console.charts import bars, forecast_chart
from console.network_map import Moment, load_band, network_maps
from console.report_html import render_html, write_html
from console.report_model import Report
from tests.fakes.sample_report import broken_report, sample_report

_VOID = {"meta", "link", "input", "br"}


class Page(HTMLParser):
    """Text, attributes and whether every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.crossed: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(html)

    @property
    def text(self) -> str:
        """What a reader sees."""
        return " ".join(" ".join(self.words).replace("\N{NO-BREAK SPACE}", " ").split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep tag and attributes."""
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag that closes itself."""
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        """Note an element that closes out of order."""
        if not self.open or self.open.pop() != tag:
            self.crossed.append(tag)

    def handle_data(self, data: str) -> None:
        """Keep text, not style."""
        if "style" not in self.open:
            self.words.append(data)


@pytest.mark.parametrize("report", [sample_report(), broken_report()], ids=["whole", "broken"])
def test_page_is_well_formed(report: Report) -> None:
    """Every element closes in order and every id is there once."""
    page = Page(render_html(report))
    ids = [value for name, value in page.attributes if name == "id"]

    assert page.crossed == []
    assert page.open == []
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("report", [sample_report(), broken_report()], ids=["whole", "broken"])
def test_page_asks_nothing_of_the_network(report: Report) -> None:
    """No script, no URL, no import: only links inside the page and the empty icon."""
    html = render_html(report)
    page = Page(html)
    targets = {v for name, v in page.attributes if name in {"href", "src", "action", "srcset"}}

    assert "script" not in page.tags
    assert {target for target in targets if not target.startswith("#")} == {"data:,"}
    assert not re.search(r"https?://|url\(|@import", html)


def test_page_has_the_numbers_that_matter() -> None:
    """Loads, limit, candidates, gates, digests, times and notes are all there."""
    text = Page(render_html(sample_report())).text

    for fact in (
        *("All eleven stages held.", "24.4 %", "101.1 %", "73.8 %", "limit 85 %"),
        *("✔ chosen", "the chosen one is better", "over the limit of 85 %", "estimated"),
        *("G1 route-diff", "20 of 24 best-path changes were not predicted."),
        *("9f2c61d07be4", "same", "after 10.3 s", "production's defaults", "111 times less"),
        *("The controller killed in a wave", "reverted by the router itself", "not judged"),
        *("laptop", "Assumption: Which prefixes", "outage_ms"),
    ):
        assert fact in text


def test_page_escapes_what_comes_from_the_run() -> None:
    """Markup in any text of the run is shown, never interpreted."""
    evil = "<script>alert('x')</script>"
    report = sample_report(
        run_id=evil,
        traffic=evil,
        notes=(evil,),
        assumption=evil,
        stages=[{"name": evil, "held": False, "summary": evil, "evidence": {evil: {"a": evil}}}],
        cut=f'"><img src=x onerror="{evil}"',
    )

    page = Page(render_html(report))

    assert "script" not in page.tags
    assert "img" not in page.tags
    assert page.text.count(evil) >= 6


def test_page_of_a_broken_run_says_what_is_missing() -> None:
    """A run that broke at stage 4 renders, says why and what it did not get to."""
    text = Page(render_html(broken_report())).text

    assert "3 of 11 stages held; forecast did not, 7 not reached." in text
    assert "forecast: No warning within 3 h of the failure." in text
    for gap in ("No loads on the map.", "Nothing was rolled out.", "No rollback was shown."):
        assert gap in text
    assert "24.4 %" not in text


def test_page_reads_aloud() -> None:
    """Drawings have a role and a title, tables have headers, the map tells every load."""
    html = render_html(sample_report())
    page = Page(html)

    assert ("lang", "en") in page.attributes
    assert page.attributes.count(("role", "img")) == 5
    assert page.tags.count("title") > 5
    assert ("scope", "col") in page.attributes
    assert "ATLAng → IPLSng: 101.1\N{NO-BREAK SPACE}% of 2.48 Gbit/s" in html


def test_page_follows_light_dark_and_print() -> None:
    """The style has all three; nothing is coloured outside of it."""
    html = render_html(sample_report())
    style, body = html.split("</style>")

    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style
    assert not re.search(r"#[0-9a-f]{6}\b|(?:fill|stroke|color):", body)


def test_write_makes_the_folder(tmp_path: Path) -> None:
    """The report lands where it was asked for."""
    path = write_html(sample_report(), tmp_path / "a" / "report.html")

    assert path.read_text(encoding="utf-8") == render_html(sample_report())


def test_map_colours_and_labels_every_direction() -> None:
    """Three maps of 30 lanes: the full one is over the limit, the cut one is drawn as cut."""
    maps = {drawn.moment: drawn for drawn in network_maps(sample_report())}
    failure = {lane.title.split(":")[0]: lane for lane in maps[Moment.FAILURE].lanes}

    assert {len(drawn.lanes) for drawn in maps.values()} == {30}
    assert failure["ATLAng → IPLSng"].band == "over"
    assert failure["ATLAng → IPLSng"].label == "101.1"
    assert failure["CHINng → NYCMng"].band == "cut"
    assert [lane.label for lane in failure.values()].count("cut") == 1
    assert maps[Moment.NO_FAILURE].worst == "NYCMng → CHINng 24.4 %"
    assert maps[Moment.WITH_POLICY].worst == "ATLAng → IPLSng 73.8 %"
    assert not maps[Moment.WITH_POLICY].is_over


def test_map_keeps_routers_of_one_city_apart() -> None:
    """Two routers in the same city are two dots, and all dots are on the canvas."""
    dots = network_maps(sample_report())[0].dots

    for index, a in enumerate(dots):
        assert 0 < a.x < 1080
        assert 0 < a.y < 540
        for b in dots[index + 1 :]:
            assert abs(complex(a.x - b.x, a.y - b.y)) > 50


def test_map_of_one_place_is_drawn() -> None:
    """Routers without any distance between them do not break the map."""
    here = {"latitude": 50.0, "longitude": 8.0}
    report = sample_report(
        routers=[{"name": name, **here} for name in ("CHINng", "NYCMng", "ATLAng")]
    )

    dots = network_maps(report)[0].dots

    assert len({(dot.x, dot.y) for dot in dots}) == 3


@pytest.mark.parametrize(
    ("load_pct", "name"),
    [(None, "cut"), (0.0, "idle"), (25.0, "light"), (50.0, "busy"), (84.9, "busy"), (85.0, "over")],
)
def test_band_changes_at_its_bound(load_pct: float | None, name: str) -> None:
    """A load at the limit is over it."""
    assert load_band(load_pct, 85.0) == name


def test_forecast_chart_names_crossing_and_peak() -> None:
    """The chart says when the band first reached the limit, how far ahead, and what came."""
    series = sample_report().forecast
    assert series is not None

    chart = forecast_chart(series)

    assert chart is not None
    assert "first reached the limit at 16:30 UTC, 3 h 40 min before" in chart.says
    assert "The highest load was 101.1 % at 20:10 UTC." in chart.says
    assert chart.naive_last == ""  # It is the load now, which is drawn already.
    assert all(chart.left <= tick.at <= chart.right for tick in chart.x_ticks)
    assert all(a.at < b.at for a, b in pairwise(chart.x_ticks))


def test_forecast_chart_needs_two_times() -> None:
    """One point, or none with a time, is no line."""
    series = sample_report().forecast
    assert series is not None

    assert forecast_chart(series.model_copy(update={"points": series.points[:1]})) is None
    assert forecast_chart(series.model_copy(update={"points": ()})) is None


def test_bars_put_the_fullest_first() -> None:
    """Links are ranked by the fullest they get, and every bar fits its scale."""
    drawn = bars(sample_report())
    loads = [load for row in drawn.rows for _, load, _ in row.bars if load is not None]

    assert drawn.rows[0].link == "ATLAng → IPLSng"
    assert len(drawn.rows) == 30
    assert max(loads) < drawn.scale_pct
