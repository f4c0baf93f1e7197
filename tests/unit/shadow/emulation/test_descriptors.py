"""Open files for a lab: as many as it needs, or a sentence that says how many."""

import resource
from collections.abc import Iterator

import pytest

from foreshadow.errors import EnvironmentUnfit
from shadow.emulation.descriptors import allow_descriptors


@pytest.fixture(autouse=True)
def _limits_come_back() -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_the_limit_is_raised_as_far_as_needed_and_never_lowered() -> None:
    """A shell's 1024 are too few for 200 routers; more than enough stays."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))

    allow_descriptors(1600)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 2112
    allow_descriptors(8)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 2112


def test_a_host_that_allows_too_few_is_named_with_the_remedy() -> None:
    """Before anything is made."""
    with pytest.raises(EnvironmentUnfit, match=r"ulimit -Hn 2147000512"):
        allow_descriptors(2_147_000_000)
