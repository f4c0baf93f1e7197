"""The broker of one run: Apache Kafka, the user's own, or the embedded one.

    given address                  -> the user's own broker; only our topics are ours there
    Java 17 or newer, and the jars -> Apache Kafka, one KRaft node (`console.apache_kafka`)
    otherwise                      -> librdkafka's, in a child process (`console.embedded_broker`)

Clients and code path are the same for all three.
"""

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum

from console import apache_kafka, embedded_broker, topics
from console.ownership import Run
from console.processes import ProcessMark, end
from foreshadow.clock import Clock
from foreshadow.codec import to_json
from foreshadow.errors import BrokerUnreachable, EnvironmentUnfit
from foreshadow.settings import BusSettings
from foreshadow.topics import SPECS, TopicSpec

BROKER_FILE = "broker.json"

_ANSWER_S = 5.0
_STOP_S = 10.0


class BrokerKind(StrEnum):
    """Which broker serves a run."""

    APACHE = "apache-kafka"
    EMBEDDED = "embedded"
    GIVEN = "given"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerRecord:
    """What must be known to clear up after a run whose owner is dead; lies in its directory."""

    kind: BrokerKind
    bootstrap: str
    process: ProcessMark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A broker that answers."""

    kind: BrokerKind
    bus: BusSettings
    """How it is reached; the topics' prefix is each run's own."""
    description: str
    """One line for people; the embedded broker's says that it is one, and why."""
    child: "subprocess.Popen[str] | None" = None

    @property
    def bootstrap(self) -> str:
        """Its address."""
        return self.bus.bootstrap

    def create_topics(self, prefix: str, specs: Iterable[TopicSpec] = SPECS) -> None:
        """Create a run's topics; what exists stays.

        Raises:
            BrokerUnreachable: The broker refuses or is gone.
        """
        if self.kind is BrokerKind.EMBEDDED and self.child is not None:
            for spec in specs:
                embedded_broker.create_topic(self.child, spec.topic.under(prefix), spec.partitions)
        else:
            topics.create_topics(self.bus, prefix, specs)


@contextmanager
def start_broker(
    run: Run, *, clock: Clock, given: BusSettings | None = None, may_embed: bool = True
) -> Iterator[Broker]:
    """Have a broker for the length of a `with` block.

    Args:
        run: Whose broker this is; its files lie below the run's directory.
        clock: Paces the wait for it to answer.
        given: The user's own broker; it is used as it is and never stopped.
        may_embed: Whether the embedded broker may serve where Apache Kafka cannot.

    Raises:
        BrokerUnreachable: The given broker does not answer.
        EnvironmentUnfit: There is no broker to be had.
    """
    broker = _use_given(given) if given is not None else _start(run, clock, may_embed=may_embed)
    process = None if broker.child is None else ProcessMark.of(broker.child.pid)
    record = BrokerRecord(kind=broker.kind, bootstrap=broker.bootstrap, process=process)
    try:
        (run.directory / BROKER_FILE).write_bytes(to_json(record))
        yield broker
    finally:
        _stop(broker, clock)


def _use_given(bus: BusSettings) -> Broker:
    address = bus.bootstrap
    if not topics.answers(bus, within_s=_ANSWER_S):
        raise BrokerUnreachable(
            f"no Kafka broker answers at {address}; start it, correct FORESHADOW_BUS__BOOTSTRAP, "
            "or unset that to have one started here"
        )
    return Broker(kind=BrokerKind.GIVEN, bus=bus, description=f"your Kafka at {address}")


def _start(run: Run, clock: Clock, *, may_embed: bool) -> Broker:
    directory = run.directory / "broker"
    directory.mkdir(exist_ok=True)
    lack = apache_kafka.lack()
    if lack is None:
        child, bootstrap = apache_kafka.start(run.run_id, directory, clock=clock)
        return Broker(
            kind=BrokerKind.APACHE,
            bus=BusSettings(bootstrap=bootstrap),
            description=f"Apache Kafka {apache_kafka.jars_version()} at {bootstrap}",
            child=child,
        )
    if not may_embed:
        raise EnvironmentUnfit(f"Apache Kafka cannot start: {lack}; run `make setup`")
    child, bootstrap = embedded_broker.start(run.run_id, directory)
    return Broker(
        kind=BrokerKind.EMBEDDED,
        bus=BusSettings(bootstrap=bootstrap),
        description=f"EMBEDDED broker at {bootstrap}, because {lack}: librdkafka's own, in memory, "
        "with the same protocol and clients, but it is not Apache Kafka",
        child=child,
    )


def _stop(broker: Broker, clock: Clock) -> None:
    child = broker.child
    if child is None:
        return
    mark = ProcessMark.of(child.pid)
    end([] if mark is None else [mark], clock=clock, grace_s=_STOP_S)
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):  # Of an unsent question to a child that died.
                pipe.close()
