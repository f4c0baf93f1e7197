"""Apache Kafka for one run: one KRaft node in one JVM, from the jars of `kafka/pom.xml`."""

import re
import shutil
import socket
import subprocess
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path
from string import Template

from console import topics
from console.processes import spawn
from foreshadow.clock import Clock
from foreshadow.errors import EnvironmentUnfit
from foreshadow.settings import BusSettings

KAFKA_DIRECTORY = Path(__file__).resolve().parents[1] / "kafka"
MIN_JAVA = 17
"""Kafka 4 brokers need it."""

_JVM_FLAGS = (
    # Starts fastest and stays small: one short-lived node for tens of topics.
    "-Xms128m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",  # It would leave a file in /tmp behind after SIGKILL.
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)
_START_S = 120.0
_TRIES = 3
_POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Java:
    """A Java on the path."""

    executable: str
    major: int


def find_java() -> Java | None:
    """The Java on the path; None where there is none or it does not say its version."""
    executable = shutil.which("java")
    if executable is None:
        return None
    result = subprocess.run(
        [executable, "-version"], capture_output=True, text=True, check=False, timeout=20
    )
    major = parse_major(result.stderr)
    return None if major is None else Java(executable=executable, major=major)


def parse_major(version_text: str) -> int | None:
    """17 of `openjdk version "17.0.15"`; 8 of the old `1.8.0_312`; None of anything else."""
    match = re.search(r'version "(?:1\.)?(\d+)', version_text)
    return int(match[1]) if match else None


def jars_version(kafka_directory: Path = KAFKA_DIRECTORY) -> str | None:
    """The version of the jars that set-up fetched; None where it has not."""
    for jar in (kafka_directory / "lib").glob("kafka_2.13-*.jar"):
        return jar.stem.removeprefix("kafka_2.13-")
    return None


def lack() -> str | None:
    """What keeps Apache Kafka from starting here; None where nothing does."""
    java = find_java()
    if java is None:
        return "there is no Java"
    if java.major < MIN_JAVA:
        return f"Java is {java.major}, Kafka needs {MIN_JAVA}"
    if jars_version() is None:
        return "its jars are not in kafka/lib"
    return None


def start(run_id: str, directory: Path, *, clock: Clock) -> tuple["subprocess.Popen[str]", str]:
    """Start a node whose files lie in `directory`, on free ports: the JVM, and its address.

    Raises:
        EnvironmentUnfit: It did not come up; the message carries its last words.
    """
    (directory / "tmp").mkdir(exist_ok=True)
    for _ in range(_TRIES):
        broker_port, controller_port = free_ports(2)
        _write_settings(directory, broker_port=broker_port, controller_port=controller_port)
        _format_once(run_id, directory)
        child = _java(run_id, directory, "kafka.Kafka", "server.properties")
        bootstrap = f"127.0.0.1:{broker_port}"
        if _wait_until_it_answers(child, bootstrap, clock):
            return child, bootstrap
        child.kill()
        child.wait()
        # Between our look and its bind somebody else may take a port: another demo, say.
        if not re.search(r"BindException|Address already in use", _log_tail(directory, lines=40)):
            break
    raise EnvironmentUnfit(
        f"Apache Kafka did not come up; its last words in {directory}/broker.log:\n"
        + _log_tail(directory)
    )


def start_again(
    run_id: str, directory: Path, bootstrap: str, *, clock: Clock
) -> "subprocess.Popen[str]":
    """Start a node that ended, on its files and at its address.

    Raises:
        EnvironmentUnfit: It did not come up; the message carries its last words.
    """
    child = _java(run_id, directory, "kafka.Kafka", "server.properties")
    if not _wait_until_it_answers(child, bootstrap, clock):
        child.kill()
        child.wait()
        raise EnvironmentUnfit(f"Apache Kafka did not come up again:\n{_log_tail(directory)}")
    return child


def free_ports(count: int) -> tuple[int, ...]:
    """Ports of 127.0.0.1 that nobody listens on at this moment, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return tuple(one.getsockname()[1] for one in sockets)
    finally:
        for one in sockets:
            one.close()


def _write_settings(directory: Path, *, broker_port: int, controller_port: int) -> None:
    template = Template((KAFKA_DIRECTORY / "server.properties").read_text())
    settings = template.safe_substitute(
        broker_port=broker_port, controller_port=controller_port, data_dir=directory / "data"
    )
    (directory / "server.properties").write_text(settings)


def _format_once(run_id: str, directory: Path) -> None:
    if (directory / "data" / "meta.properties").exists():
        return
    # A letter in front, because a dash would read as an option.
    cluster_id = "F" + urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
    tool = ("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", "server.properties")
    if _java(run_id, directory, *tool).wait(_START_S) != 0:
        raise EnvironmentUnfit(f"Apache Kafka's format tool failed:\n{_log_tail(directory)}")


def _java(run_id: str, directory: Path, *command: str) -> "subprocess.Popen[str]":
    with (directory / "broker.log").open("a") as log:
        return spawn(
            run_id,
            [
                "java",
                *_JVM_FLAGS,
                f"-Djava.io.tmpdir={directory / 'tmp'}",
                "-cp",
                f"{KAFKA_DIRECTORY / 'lib'}/*",
                *command,
            ],
            directory=directory,
            log=log,
        )


def _wait_until_it_answers(child: "subprocess.Popen[str]", bootstrap: str, clock: Clock) -> bool:
    host, _, port = bootstrap.partition(":")
    deadline_s = clock.monotonic_s() + _START_S
    while clock.monotonic_s() < deadline_s and child.poll() is None:
        with socket.socket() as probe:
            # librdkafka backs off after a refused connection, so it is asked only once it can win.
            if probe.connect_ex((host, int(port))) == 0:
                return topics.answers(BusSettings(bootstrap=bootstrap))
        clock.sleep(_POLL_S)
    return False


def _log_tail(directory: Path, *, lines: int = 5) -> str:
    return "\n".join((directory / "broker.log").read_text().splitlines()[-lines:])
