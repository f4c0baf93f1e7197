"""The broker for hosts without Java: librdkafka's own, in a child process.

It speaks Kafka's protocol on a real socket and serves every client the product uses. It keeps about
5 MB a partition in memory and then drops the oldest, compacts nothing and isolates no transactions:
good for a demo, not for keeping.

`python -m console.embedded_broker` prints its address, then creates a topic for every line
`NAME PARTITIONS` it reads and answers `ok`. It ends with its standard input, so it cannot outlive
the process that started it, not even one ended by SIGKILL.
"""

import ctypes
import ctypes.util
import subprocess
import sys
from pathlib import Path

import confluent_kafka
from confluent_kafka import KafkaError

from console.processes import spawn
from foreshadow.errors import BrokerUnreachable, EnvironmentUnfit

_PRODUCER = 0
_ERROR_TEXT_BYTES = 512


class MockCluster:
    """A cluster of one broker inside this process (librdkafka's `rdkafka_mock.h`)."""

    def __init__(self) -> None:
        """Start listening on a free port of 127.0.0.1."""
        self._library = _load_librdkafka()
        error_text = ctypes.create_string_buffer(_ERROR_TEXT_BYTES)
        self._client = self._library.rd_kafka_new(_PRODUCER, None, error_text, _ERROR_TEXT_BYTES)
        if not self._client:
            raise OSError(error_text.value.decode())
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, 1)
        # The real broker is set up the same way: a lone consumer need not wait 3 s for others.
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)

    @property
    def bootstrap(self) -> str:
        """Its address, `127.0.0.1:PORT`."""
        address: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        return address.decode()

    def create_topic(self, name: str, partitions: int) -> bool:
        """Make a topic, or find it made; False where librdkafka refuses."""
        error: int = self._library.rd_kafka_mock_topic_create(
            self._cluster, name.encode(), partitions, 1
        )
        return error in (0, KafkaError.TOPIC_ALREADY_EXISTS)


def start(run_id: str, directory: Path) -> tuple["subprocess.Popen[str]", str]:
    """Start one in a child process: the child, and its address.

    Raises:
        EnvironmentUnfit: It did not start; its words are in `directory/broker.log`.
    """
    with (directory / "broker.log").open("a") as log:
        child = spawn(
            run_id,
            [sys.executable, "-m", "console.embedded_broker"],
            directory=Path(__file__).parents[1],
            log=log,
            is_asked=True,
        )
    bootstrap = _read_line(child)
    if not bootstrap:
        raise EnvironmentUnfit(f"the embedded broker did not start: see {directory}/broker.log")
    return child, bootstrap


def create_topic(child: "subprocess.Popen[str]", name: str, partitions: int) -> None:
    """Have a child started by `start` make a topic, unless it has it.

    Raises:
        BrokerUnreachable: It refuses or is gone.
    """
    if child.stdin is None:
        raise BrokerUnreachable("the embedded broker was started without a way to ask it")
    try:
        child.stdin.write(f"{name} {partitions}\n")
        child.stdin.flush()
    except BrokenPipeError as exc:
        raise BrokerUnreachable("the embedded broker is gone") from exc
    if _read_line(child) != "ok":
        raise BrokerUnreachable(f"the embedded broker refused the topic {name}")


def _read_line(child: "subprocess.Popen[str]") -> str:
    return "" if child.stdout is None else child.stdout.readline().strip()


def _load_librdkafka() -> ctypes.CDLL:
    """The very library that confluent_kafka has loaded, with the signatures used here."""
    bundled = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
    path = next((str(found) for found in bundled.glob("librdkafka-*")), None)
    library = ctypes.CDLL(path or ctypes.util.find_library("rdkafka") or "librdkafka.so.1")
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for name, result, arguments in (
        ("rd_kafka_new", pointer, (number, pointer, text, ctypes.c_size_t)),
        ("rd_kafka_mock_cluster_new", pointer, (pointer, number)),
        ("rd_kafka_mock_cluster_bootstraps", text, (pointer,)),
        ("rd_kafka_mock_group_initial_rebalance_delay_ms", None, (pointer, ctypes.c_int32)),
        ("rd_kafka_mock_topic_create", number, (pointer, text, number, number)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def main() -> None:
    """Serve until standard input ends."""
    cluster = MockCluster()
    print(cluster.bootstrap, flush=True)  # noqa: T201 - the answer our parent waits for
    for line in sys.stdin:
        name, partitions = line.split()
        answer = "ok" if cluster.create_topic(name, int(partitions)) else "refused"
        print(answer, flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    main()
