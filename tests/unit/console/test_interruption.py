"""Signals are noted at once, obeyed where somebody looks, and obeyed once."""

import os
import signal

import pytest

from console.interruption import Interrupted, Interruption, interruptible


def test_nothing_stops_what_nobody_interrupted() -> None:
    """Without a signal a check lets the caller go on."""
    interruption = Interruption()

    interruption.check()

    assert not interruption.wait(0)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_at_the_next_check(number: signal.Signals, status: int) -> None:
    """The check after a signal says what happens now, and carries the status shells know."""
    said: list[str] = []
    with interruptible(said.append) as interruption:
        os.kill(os.getpid(), number)
        assert interruption.wait(5)

        with pytest.raises(Interrupted) as stopped:
            interruption.check()

    assert (stopped.value.code, stopped.value.signal) == (status, number.name)
    assert said == ["Stopping: everything of this run is taken down"]


def test_a_second_signal_does_not_disturb_a_clean_up(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Ctrl-C while things are taken down raises nothing and asks for patience."""
    steps: list[str] = []
    with interruptible(steps.append) as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            interruption.check()
        except Interrupted:
            os.kill(os.getpid(), signal.SIGINT)
            steps.append("taken down")

    assert steps[-1] == "taken down"
    assert "being taken down already" in capfd.readouterr().err


def test_what_signals_did_before_comes_back() -> None:
    """After the block the process takes signals as it did before."""
    before = signal.getsignal(signal.SIGTERM)

    with interruptible(print):
        within = signal.getsignal(signal.SIGTERM)

    assert within != before
    assert signal.getsignal(signal.SIGTERM) == before
