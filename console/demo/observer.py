"""Listens to everything the processes say on the bus and keeps it in order: the demo's eyes.

The observer judges nothing and steers nothing. What it holds is what any other reader of the topics
could hold.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from foreshadow.bus import Bus, Record
from foreshadow.candidate import Candidate
from foreshadow.codec import from_json
from foreshadow.control import NoPolicyFound, decode_control
from foreshadow.delta import Op, StateDelta
from foreshadow.experiment import Experiment, ExperimentResult
from foreshadow.fidelity_report import FidelityReport
from foreshadow.observed import Stream
from foreshadow.rollout_event import Feedback, RolloutEvent
from foreshadow.state import NetworkState
from foreshadow.sync_report import SyncReport
from foreshadow.telemetry import Rejected
from foreshadow.topics import Topic
from foreshadow.triage_report import TriageReport
from foreshadow.warning import ForecastStep, SpikeWarning

T = TypeVar("T")

_POLL_S = 0.1
_PASSED_OVER = (Topic.TELEMETRY, Topic.METRICS, Topic.INCIDENT)
"""What the story is not about."""
_HEARD = tuple(topic for topic in Topic if topic not in _PASSED_OVER)


@dataclass(slots=True)
class Heard:
    """Everything heard so far, oldest first. Written by the observer's thread only."""

    state: NetworkState = field(default_factory=NetworkState)
    demand_steps: set[int] = field(default_factory=set)
    """Event times of the demand intervals that came, nanoseconds."""
    sync_reports: dict[int, SyncReport] = field(default_factory=dict)
    """The last report of each epoch of the state's owner."""
    fidelity: list[FidelityReport] = field(default_factory=list)
    triage: list[TriageReport] = field(default_factory=list)
    no_policy: list[NoPolicyFound] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    forecasts: list[ForecastStep] = field(default_factory=list)
    warnings: list[SpikeWarning] = field(default_factory=list)
    experiments: list[Experiment] = field(default_factory=list)
    results: list[ExperimentResult] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    rollout: list[RolloutEvent] = field(default_factory=list)
    feedback: list[Feedback] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    """Origins of records that could not be read: always a bug."""


class Observer:
    """A thread that reads the bus, and a lock around what it has heard."""

    def __init__(self, bus: Bus) -> None:
        """Subscribe; reading begins with `start`."""
        self._subscription = bus.subscribe(*_HEARD)
        self._heard = Heard()
        self._error: Exception | None = None
        self._news = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)
        self._decoder = msgspec.msgpack.Decoder(StateDelta)
        heard = self._heard
        self._documents: dict[Topic, tuple[list[Any], type]] = {
            Topic.REJECT: (heard.rejected, Rejected),
            Topic.FORECAST: (heard.forecasts, ForecastStep),
            Topic.WARNING: (heard.warnings, SpikeWarning),
            Topic.DRILL: (heard.experiments, Experiment),
            Topic.VERDICT: (heard.results, ExperimentResult),
            Topic.CANDIDATE: (heard.candidates, Candidate),
            Topic.ROLLOUT: (heard.rollout, RolloutEvent),
            Topic.FEEDBACK: (heard.feedback, Feedback),
        }

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and let go of the broker."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._subscription.close()

    def look(self, at: Callable[[Heard], T]) -> T:
        """What `at` makes of everything heard, taken at one moment."""
        with self._news:
            return at(self._heard)

    def wait_for(self, probe: Callable[[Heard], T | None], within_s: float) -> T | None:
        """The first thing `probe` finds, as soon as it is there; None after `within_s`.

        Raises:
            Exception: What ended the listening, if something has.
        """
        if self._error is not None:
            raise self._error
        with self._news:
            found: T | None = None

            def is_found() -> bool:
                nonlocal found
                found = probe(self._heard)
                return found is not None

            self._news.wait_for(is_found, within_s)
            return found

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._listen()
        except Exception as error:  # noqa: BLE001 - raised where somebody waits
            self._error = error

    def _listen(self) -> None:
        records = self._subscription.poll(_POLL_S)
        if records:
            with self._news:
                for record in records:
                    self._hear(record)
                self._news.notify_all()

    def _hear(self, record: Record) -> None:
        try:
            self._sort(record)
        except msgspec.DecodeError as error:
            self._heard.unreadable.append(f"{record.origin}: {error}")

    def _sort(self, record: Record) -> None:
        if record.topic is Topic.STATE:
            delta = self._decoder.decode(record.value)
            self._heard.state.apply(delta)
            if delta.stream is Stream.DEMAND and delta.op is not Op.HEARTBEAT:
                self._heard.demand_steps.add(delta.event_at_ns)
        elif record.topic in (Topic.CONTROL, Topic.STATUS):
            self._hear_control(record)
        else:
            kept, kind = self._documents[record.topic]
            kept.append(from_json(record.value, kind))

    def _hear_control(self, record: Record) -> None:
        match decode_control(record.value):
            case SyncReport() as report:
                self._heard.sync_reports[report.epoch] = report
            case FidelityReport() as report:
                self._heard.fidelity.append(report)
            case TriageReport() as report:
                self._heard.triage.append(report)
            case NoPolicyFound() as word:
                self._heard.no_policy.append(word)
            case _:
                pass
