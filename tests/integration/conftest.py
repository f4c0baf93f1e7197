"""Real parts for integration tests: a run of their own, a broker, and clearing up after both."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.broker import Broker, start_broker
from console.clean import remove_run
from console.ownership import Run, claim_run
from foreshadow.clock import SystemClock


@contextmanager
def _claimed(root: Path, command: str) -> Iterator[Run]:
    clock = SystemClock()
    run = claim_run(root, pid=os.getpid(), command=command, clock=clock)
    try:
        yield run
    finally:
        remove_run(run, clock=clock)


@pytest.fixture(scope="session")
def session_run(repository: Path) -> Iterator[Run]:
    """The run of this pytest session; whatever carries its id is removed at the end."""
    with _claimed(repository / ".run", "pytest session") as run:
        yield run


@pytest.fixture
def run(repository: Path) -> Iterator[Run]:
    """A run of one test; whatever carries its id is removed after it, also when the test fails."""
    with _claimed(repository / ".run", "pytest test") as run:
        yield run


@pytest.fixture
def run_id(run: Run) -> str:
    """The id of this test's run, for namespaces and topics."""
    return run.run_id


@pytest.fixture(scope="session")
def broker(session_run: Run) -> Iterator[Broker]:
    """One real Apache Kafka for the whole session; keep tests apart by topic prefix (`run_id`)."""
    with start_broker(session_run, clock=SystemClock(), may_embed=False) as broker:
        yield broker
