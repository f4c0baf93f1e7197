"""A real Apache Kafka that wants to know who is there: TLS, mutual TLS and SASL, on loopback.

One node with a listener for each way in. Certificates are made for the run and belong to it; the
users exist on this broker only.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from console import topics
from console.apache_kafka import KAFKA_DIRECTORY, free_ports
from foreshadow.settings import BrokerSecurity, BusSettings
from tests.certificates import make_certificates
from tests.eventually import eventually

USER = "shadow"
PASSWORD = "correct-horse-battery-staple"  # noqa: S105 - of a broker that lives for one test
WAYS_IN = ("ssl", "mutual", "plain", "scram")
_WITHIN_S = 90
_LIBRARIES = f"{KAFKA_DIRECTORY / 'lib'}/*"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecuredKafka:
    """Where it listens, and what its clients need."""

    ports: dict[str, int]
    directory: Path

    def settings(self, way: str, **changed: object) -> BusSettings:
        """How a client comes in by that way, with some of it changed."""
        trust = {"ca_file": self.directory / "ca.pem"}
        own = {
            "certificate_file": self.directory / "client.pem",
            "key_file": self.directory / "client.key",
        }
        named = {"username": USER, "password": PASSWORD}
        options: dict[str, object] = {
            "ssl": {"protocol": "ssl", **trust},
            "mutual": {"protocol": "ssl", **trust, **own},
            "plain": {"protocol": "sasl_ssl", "mechanism": "PLAIN", **trust, **named},
            "scram": {"protocol": "sasl_ssl", "mechanism": "SCRAM-SHA-512", **trust, **named},
        }[way] | changed  # type: ignore[operator]
        return BusSettings(
            bootstrap=f"127.0.0.1:{self.ports[way]}",
            topic_prefix="fs0a0a0a",
            security=BrokerSecurity.model_validate(options),
            outage_s=5,
        )


@contextmanager
def secured_kafka(directory: Path) -> Iterator[SecuredKafka]:
    """The broker, up for the length of a `with` block; its files lie in `directory`."""
    make_certificates(directory)
    ports = dict(zip((*WAYS_IN, "inside", "controller"), free_ports(6), strict=True))
    (directory / "server.properties").write_text(_properties(directory, ports))
    scram = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
    # A letter in front, because a dash would read as an option.
    cluster = ("-t", "FoReShAdOwFoReShAdOw01", "-c", "server.properties", "--add-scram", scram)
    subprocess.run(
        ["java", "-cp", _LIBRARIES, "kafka.tools.StorageTool", "format", *cluster],
        cwd=directory,
        check=True,
        capture_output=True,
        timeout=_WITHIN_S,
    )
    with (directory / "broker.log").open("w") as log:
        flags = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
        child = subprocess.Popen(
            ["java", *flags, "-cp", _LIBRARIES, "kafka.Kafka", "server.properties"],
            cwd=directory,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        inside = BusSettings(bootstrap=f"127.0.0.1:{ports['inside']}")
        eventually(
            lambda: child.poll() is None and topics.answers(inside, within_s=2),
            within_s=_WITHIN_S,
        )
        yield SecuredKafka(ports=ports, directory=directory)
    finally:
        child.kill()
        child.wait()


def _properties(directory: Path, ports: dict[str, int]) -> str:
    """One listener for each way in; the keys are PEM, as most operators have them."""
    protocols = {
        "ssl": "SSL",
        "mutual": "SSL",
        "plain": "SASL_SSL",
        "scram": "SASL_SSL",
        "inside": "PLAINTEXT",
        "controller": "PLAINTEXT",
    }
    addresses = {name: f"{name.upper()}://127.0.0.1:{port}" for name, port in ports.items()}
    outward = ",".join(address for name, address in addresses.items() if name != "controller")
    plain = (
        "org.apache.kafka.common.security.plain.PlainLoginModule required "
        f'user_{USER}="{PASSWORD}";'
    )
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    listed = ",".join(f"{name.upper()}:{protocol}" for name, protocol in protocols.items())
    single = "replication.factor=1"
    lines = (
        "process.roles=broker,controller",
        "node.id=1",
        f"controller.quorum.voters=1@127.0.0.1:{ports['controller']}",
        "controller.listener.names=CONTROLLER",
        f"listeners={','.join(addresses.values())}",
        f"advertised.listeners={outward}",
        "inter.broker.listener.name=INSIDE",
        f"listener.security.protocol.map={listed}",
        f"log.dirs={directory / 'data'}",
        "auto.create.topics.enable=false",
        f"default.{single}",
        f"offsets.topic.{single}",
        f"transaction.state.log.{single}",
        "transaction.state.log.min.isr=1",
        f"share.coordinator.state.topic.{single}",
        "share.coordinator.state.topic.min.isr=1",
        "group.initial.rebalance.delay.ms=0",
        "ssl.keystore.type=PEM",
        f"ssl.keystore.location={directory / 'server.both'}",
        "ssl.truststore.type=PEM",
        f"ssl.truststore.location={directory / 'ca.pem'}",
        "listener.name.mutual.ssl.client.auth=required",
        "listener.name.plain.sasl.enabled.mechanisms=PLAIN",
        f"listener.name.plain.plain.sasl.jaas.config={plain}",
        "listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-512",
        f"listener.name.scram.scram-sha-512.sasl.jaas.config={scram}",
    )
    return "\n".join(lines) + "\n"
