"""What every test may count on, and what happens to one whose tools are missing.

A test names what it needs by a marker. Where that is missing it is skipped with the reason, unless
`FORESHADOW_REQUIRE` (a comma-separated list of these markers) demands it: then it fails, so that a
green run cannot be an empty run.
"""

import os
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
import structlog
from hypothesis import settings as hypothesis_settings

from console import apache_kafka
from console.host import Standing, Wish, examine
from tests.fakes.clock import FakeClock

_REPOSITORY = Path(__file__).resolve().parents[1]
_SHARED_DATA = Path(
    os.environ.get("FORESHADOW_SHARED_DATA") or _REPOSITORY.parent / "shared" / "data"
)

_WISH = Wish()

# A law holds on a slow host too; a failing example is printed so that it can be run again.
hypothesis_settings.register_profile("house", deadline=None, print_blob=True)
hypothesis_settings.load_profile("house")


def _lack(*probes: str, wish: Wish = _WISH) -> str | None:
    unfit = [
        f"{name}: {finding.found}"
        for name, finding in examine(wish, *probes).items()
        if finding.standing is Standing.UNFIT
    ]
    return "; ".join(unfit) or None


def _lack_of_shared_data() -> str | None:
    return None if _SHARED_DATA.is_dir() else f"no {_SHARED_DATA}; set FORESHADOW_SHARED_DATA"


_LACKS: Mapping[str, Callable[[], str | None]] = {
    "containers": lambda: _lack(
        *("root", "iproute2", "nftables", "network namespaces"),
        *("container engine", "routers' image", "container runtime"),
        wish=Wish(needs_containers=True),
    ),
    "device": lambda: _lack("root", "FRR", "OpenSSH server", "network namespaces"),
    "kafka": apache_kafka.lack,
    "netns": lambda: _lack("root", "FRR", "iproute2", "nftables", "network namespaces"),
    "shared_data": _lack_of_shared_data,
}


@cache
def _lack_of(marker: str) -> str | None:
    return _LACKS[marker]()


@cache
def _required() -> frozenset[str]:
    names = frozenset(filter(None, os.environ.get("FORESHADOW_REQUIRE", "").split(",")))
    if unknown := names - _LACKS.keys():
        raise pytest.UsageError(f"FORESHADOW_REQUIRE names no marker: {', '.join(unknown)}")
    return names


def pytest_configure() -> None:
    """Refuse a misspelt FORESHADOW_REQUIRE, which would require nothing."""
    _required()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or where it is required fail, a test whose tools are missing."""
    for marker in _LACKS:
        if item.get_closest_marker(marker) and (lack := _lack_of(marker)) is not None:
            if marker in _required():
                pytest.fail(f"FORESHADOW_REQUIRE demands {marker}: {lack}", pytrace=False)
            pytest.skip(f"{marker}: {lack}")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command sets what the process logs; the next test hears warnings all the same."""
    held = structlog.get_config()
    yield
    structlog.configure(**held)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the working tree."""
    return _REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The public data sets; for tests marked `shared_data`."""
    return _SHARED_DATA


@pytest.fixture
def fake_clock() -> FakeClock:
    """A clock at the story's hour that never waits."""
    return FakeClock(datetime(2004, 3, 11, 17, 0, tzinfo=UTC))


@pytest.fixture
def rng() -> random.Random:
    """Randomness that is the same in every run."""
    return random.Random(20040311)
