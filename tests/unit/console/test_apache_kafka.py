"""Reading what Java and the jars are, and choosing ports."""

from pathlib import Path

import pytest

from console.apache_kafka import free_ports, jars_version, parse_major


@pytest.mark.parametrize(
    ("said", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_312"', 8),
        ("Error: could not find libjava.so", None),
    ],
)
def test_java_version_is_read_in_both_forms(said: str, major: int | None) -> None:
    """The old `1.8` form names 8; words without a version name none."""
    assert parse_major(said) == major


def test_jars_version_is_that_of_the_broker_jar(tmp_path: Path) -> None:
    """The version is the jar's own; without jars there is none."""
    (tmp_path / "lib").mkdir()
    assert jars_version(tmp_path) is None

    (tmp_path / "lib" / "kafka-clients-9.9.9.jar").touch()
    (tmp_path / "lib" / "kafka_2.13-4.3.1.jar").touch()

    assert jars_version(tmp_path) == "4.3.1"


def test_free_ports_differ() -> None:
    """Ports asked for together are all different and above the privileged ones."""
    ports = free_ports(20)

    assert len(set(ports)) == 20
    assert min(ports) > 1023
