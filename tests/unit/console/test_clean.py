"""Which runs are removed, and what is said about it."""

from console.clean import Cleaning, Removal, choose

_HOST = {"known": ("fs000001", "fs000002"), "live": ("fs000002",), "unclaimed": ("fs000003",)}


def test_clean_alone_removes_dead_runs_only() -> None:
    """A live run and one whose owner nobody knows are left alone."""
    assert choose(**_HOST, run_id=None, is_everything=False) == {"fs000001"}


def test_clean_of_everything_removes_live_and_unclaimed_runs_too() -> None:
    """`ALL=1` spares nothing."""
    everything = {"fs000001", "fs000002", "fs000003"}
    assert choose(**_HOST, run_id=None, is_everything=True) == everything


def test_clean_of_a_named_run_removes_that_one_alone() -> None:
    """A name is an order, even for a live or an unknown run."""
    for run_id in ("fs000002", "fs000003", "fs000004"):
        assert choose(**_HOST, run_id=run_id, is_everything=False) == {run_id}


def test_report_names_what_was_removed_and_what_was_not() -> None:
    """One line a run; what was left alone says how to remove it."""
    cleaning = Cleaning(
        removed=(Removal(run_id="fs000001", processes=49, namespaces=12, complaint="its topics"),),
        live=("fs000002",),
        kept=("fs000005",),
        unclaimed=("fs000003",),
    )

    assert str(cleaning).splitlines() == [
        "fs000001: 49 processes, 12 namespaces removed; its topics",
        "fs000002: live, left alone",
        "fs000005: a lab that stays, left alone; `foreshadow lab down` removes it",
        "fs000003: its owner is not known, left alone; `foreshadow clean fs000003` removes it",
    ]
    assert str(Cleaning()) == "nothing to clean"
