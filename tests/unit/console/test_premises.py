"""What the premises are made of: a call beside others, and what each process is told."""

import threading
from pathlib import Path

import pytest

from console.ownership import Run
from console.premises import InBackground, _told, run_processes
from foreshadow.errors import EmulationFailed
from foreshadow.settings import BusSettings


def test_a_call_runs_beside_its_caller() -> None:
    """It has begun before it is joined, and is over after."""
    begun, may_end, done = threading.Event(), threading.Event(), threading.Event()

    def call() -> None:
        begun.set()
        may_end.wait()
        done.set()

    background = InBackground(call)
    assert begun.wait(10)
    may_end.set()
    background.join()

    assert done.is_set()


def test_its_error_comes_out_where_it_is_joined() -> None:
    """Not on a thread where nobody sees it; settling alone is for the way out."""

    def call() -> None:
        raise EmulationFailed("a router did not come up")

    background = InBackground(call)
    background.settle()

    with pytest.raises(EmulationFailed, match="did not come up"):
        background.join()


def test_every_process_is_told_the_run_the_bus_and_the_devices(tmp_path: Path) -> None:
    """By environment variables of the settings' own names, and no secret among them."""
    run = Run(run_id="fs3fa9c1", directory=tmp_path)
    bus = BusSettings(bootstrap="127.0.0.1:9092", topic_prefix="fs3fa9c1")
    told = _told(run, bus, tmp_path / "inventory.yaml")

    assert told["FORESHADOW_RUN_ID"] == "fs3fa9c1"
    assert told["FORESHADOW_BUS__BOOTSTRAP"] == "127.0.0.1:9092"
    assert told["FORESHADOW_BUS__TOPIC_PREFIX"] == "fs3fa9c1"
    assert told["FORESHADOW_INVENTORY"] == str(tmp_path / "inventory.yaml")
    assert Path(told["FORESHADOW_ROLLOUT__JOURNAL"]).parent == tmp_path
    assert "FORESHADOW_INVENTORY" not in _told(run, bus, None)


def test_a_run_without_processes_has_none(tmp_path: Path) -> None:
    """An id nobody carries finds nobody, not even this process."""
    assert run_processes(Run(run_id="fs000000", directory=tmp_path)) == ()
