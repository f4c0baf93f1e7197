"""Contract suites run over real adapters too: on the broker and the runs of integration tests."""

from tests.integration.conftest import broker, run, run_id, session_run

__all__ = ["broker", "run", "run_id", "session_run"]
