"""The table of designs: a row each, the worst of their drills, and what to know to read it."""

from io import StringIO

from rich.console import Console

from console.design_compare import Comparison, LeftOut, designs_of
from console.design_table import comparison_text
from foreshadow.design_variant import Variant
from foreshadow.experiment import Verdict
from foreshadow.routing_design import Bfd, Igp
from scenarios.designs.design_comparison import DesignOutcome, DrillOutcome
from tests.square_story import square


def _drill(fault: str, *, tables_ms: float, verdict: Verdict = Verdict.PASSED) -> DrillOutcome:
    return DrillOutcome(
        fault=fault,
        is_silent=fault.endswith("silent"),
        verdict=verdict,
        reasons=("the host was overloaded",),
        tables_ms=tables_ms,
        outage_ms=tables_ms - 4,
        probes_sent=1000,
        probes_lost=40,
        worst_link="NE->NW",
        worst_load=tables_ms / 1000,
        lost_ratio=0.0,
        stretch=1.25,
        churn=7,
    )


def _shown(found: Comparison, *, width: int = 80) -> str:
    text = StringIO()
    Console(file=text, width=width).print(comparison_text(found))
    return text.getvalue()


_FOUND = Comparison(
    network="square",
    traffic="gravity model",
    faults=("NE-NW down", "NE-SE down", "NE-NW silent"),
    designs=(
        DesignOutcome(
            name="as-is",
            changes=(),
            up_s=2.04,
            worst_link="NE->NW",
            worst_load=0.5,
            stretch=1.0,
            drills=(
                _drill("NE-NW down", tables_ms=84),
                _drill("NE-SE down", tables_ms=90),
                _drill("NE-NW silent", tables_ms=3580, verdict=Verdict.INCONCLUSIVE),
            ),
        ),
        DesignOutcome(name="isis", changes=("igp: isis",), failure="SE lacks 10.1.0.0/16"),
    ),
    left_out=(LeftOut(name="by-delay", reason="nobody says how long NW-NE is"),),
)


def test_a_row_shows_the_worst_of_a_design_s_drills() -> None:
    """Both meters by kind of failure, probes lost in all, load and stretch with and without."""
    row = next(line for line in _shown(_FOUND).splitlines() if line.startswith("as-is"))

    assert row.split() == [
        "as-is",
        "2.0",
        "90/86",
        "3580/3576",
        "120",
        "50>358",
        "1.00>1.25",
        "7",
        "?",
    ]


def test_eighty_columns_are_enough() -> None:
    """Nothing is cut off on an ordinary terminal."""
    shown = _shown(_FOUND)

    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_what_did_not_count_is_explained() -> None:
    """A design that did not come up, a drill that settled nothing, a variant that was left out."""
    shown = " ".join(_shown(_FOUND, width=200).split())

    assert "isis - -/- -/- 0 ->- ->- - ✘" in shown
    assert "isis: SE lacks 10.1.0.0/16" in shown
    assert "as-is, NE-NW silent: the host was overloaded" in shown
    assert "by-delay was left out: nobody says how long NW-NE is" in shown


def test_the_verdict_is_the_worst_of_all() -> None:
    """A design that did not come up fails the comparison; no drills settle nothing."""
    as_is, isis = _FOUND.designs

    assert (as_is.verdict, isis.verdict) == (Verdict.INCONCLUSIVE, Verdict.FAILED)
    assert _FOUND.verdict is Verdict.FAILED
    assert DesignOutcome(name="x", changes=()).verdict is Verdict.INCONCLUSIVE


def test_a_variant_that_is_no_other_design_is_left_out_with_its_reason() -> None:
    """The network's own design is always the first; impossible ones do not stop the others."""
    designs, left_out = designs_of(
        square(),
        (
            Variant(name="bfd", bfd=Bfd(interval_ms=100)),
            Variant(name="same", igp=Igp.OSPF),
            Variant(name="both-families", ipv6=True),
        ),
    )

    assert [(it.name, it.changes) for it in designs] == [
        ("as-is", ()),
        ("bfd", ("bfd: interval_ms=100",)),
    ]
    assert [it.name for it in left_out] == ["same", "both-families"]
    assert "already" in left_out[0].reason
    assert "ipv6 needs an IGP" in left_out[1].reason
