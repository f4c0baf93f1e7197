"""Settings from the environment, and the one clear error where they will not do."""

import pytest

from console.configuration import load_settings, wish
from foreshadow.errors import ConfigError


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("FORESHADOW_RUNDIR", "x", "FORESHADOW_RUNDIR: no such setting"),
        ("FORESHADOW_BUS__BOOTSTRAPP", "x", "FORESHADOW_BUS__BOOTSTRAPP: Extra inputs"),
        ("FORESHADOW_FORECAST__QUANTILE", "3", "FORESHADOW_FORECAST__QUANTILE: .* less than 1"),
        ("FORESHADOW_RUN_ID", "x", "FORESHADOW_RUN_ID: "),
        ("FORESHADOW_BUS", "x", "must be JSON"),
    ],
)
def test_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    """A misspelt or impossible setting is refused by its own name, never overlooked."""
    monkeypatch.setenv(variable, value)

    with pytest.raises(ConfigError, match=said):
        load_settings()


def test_broker_is_given_only_when_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default address is no wish for a broker there; the same address, named, is."""
    monkeypatch.delenv("FORESHADOW_BUS__BOOTSTRAP", raising=False)
    assert wish(load_settings()).broker is None

    monkeypatch.setenv("FORESHADOW_BUS__BOOTSTRAP", "127.0.0.1:9092")
    broker = wish(load_settings()).broker
    assert broker is not None
    assert broker.bootstrap == "127.0.0.1:9092"


def test_kafka_can_be_demanded(monkeypatch: pytest.MonkeyPatch) -> None:
    """CI's FORESHADOW_REQUIRE rules the embedded broker out."""
    monkeypatch.setenv("FORESHADOW_REQUIRE", "netns")
    assert not wish(load_settings()).must_be_kafka

    monkeypatch.setenv("FORESHADOW_REQUIRE", "netns,kafka")
    assert wish(load_settings()).must_be_kafka
