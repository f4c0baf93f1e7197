"""What every test of the room may count on."""

import pytest

from scenarios.failures.warm_up import warm_up


@pytest.fixture(scope="session", autouse=True)
def _kernel() -> None:
    """The kernel compiled, once: on a new host it takes longer than any test waits."""
    warm_up()
