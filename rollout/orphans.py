"""Waves a dead controller left on trial, and no broker to watch them with: they go back at once.

Only the devices' part is done. That production is as before is proven, and said, by the controller
that finds the bus again: to it the rollout is one that was on its way back.
"""

import structlog

from foreshadow.clock import Clock
from foreshadow.rollout_event import RolloutStep
from foreshadow.settings import RolloutTimes
from rollout.crew import Crew, OpenSession
from rollout.journal import Journal
from rollout.passage import Passage
from rollout.reversal import Reversal, StillThere

_log = structlog.get_logger()


def take_back_orphans(
    journal: Journal, open_session: OpenSession, clock: Clock, times: RolloutTimes
) -> None:
    """Take back whatever stands of rollouts that were on trial or on their way back.

    A device that cannot be taken back now is left for the next controller to try.

    Raises:
        JournalUnwritable: Nothing more was done.
        InvariantViolated: The journal tells a history that cannot be.
    """
    reversal = Reversal(clock=clock, times=times, wait=clock.sleep)
    for txn in journal.transactions():
        passage = _passage(txn, journal, open_session, clock)
        state = passage.state
        if state is None or not state.standing:
            continue
        if not (state.on_trial or state.step is RolloutStep.REVERTING):
            continue
        passage.because = "after a restart no broker answers, so the wave cannot be watched"
        _log.warning("orphan_found", txn=txn, step=state.step, waves=list(state.standing))
        reversal.begin(passage)
        try:
            reversal.take_back(passage)
        except StillThere as error:
            _log.error("orphan_left", txn=txn, error=str(error))


def _passage(txn: str, journal: Journal, open_session: OpenSession, clock: Clock) -> Passage:
    crew = Crew(txn, journal=journal, open_session=open_session, clock=clock, may_configure=True)
    passage = Passage(
        candidate=journal.candidate(txn),
        journal=journal,
        crew=crew,
        clock=clock,
        tell=_tell_nobody,
    )
    passage.restore()
    return passage


def _tell_nobody() -> None:
    """The journal keeps every word until there is a broker."""
