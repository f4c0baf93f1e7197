"""Numbers for Prometheus: served to who may ask, wherever there is a port."""

import socket
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError

from console.prometheus import PrometheusMeter, serving
from foreshadow.errors import ConfigError
from foreshadow.meter import FORECAST_COVERAGE, WARNINGS_SENT
from foreshadow.settings import MetricsSettings

_ANY_PORT = MetricsSettings(first_port=0)


def _get(port: int, token: str = "") -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    with closing(connection):
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_what_was_counted_is_served() -> None:
    """Prometheus' own parser reads it, with the labels."""
    meter = PrometheusMeter()
    meter.count(WARNINGS_SENT, 2)
    meter.level(FORECAST_COVERAGE, 0.96, horizon="3600", quantile="0.95")
    with serving(meter, _ANY_PORT, place=0) as port:
        families = {it.name: it for it in text_string_to_metric_families(_get(port)[1])}

    assert families["foreshadow_forecast_warnings_sent"].samples[0].value == 2
    covered = families["foreshadow_forecast_coverage_ratio"].samples[0]
    assert (covered.labels, covered.value) == ({"horizon": "3600", "quantile": "0.95"}, 0.96)
    assert "process_resident_memory_bytes" in families


def test_a_total_kept_elsewhere_is_followed() -> None:
    """It grows by what was added; one that fell belongs to somebody who began anew."""
    meter = PrometheusMeter()
    for total in (3, 3, 5, 2):
        meter.total(WARNINGS_SENT, total)

    assert dict(meter.values())["foreshadow_forecast_warnings_sent_total"] == 7


def test_who_does_not_know_the_token_is_asked_for_it(tmp_path: Path) -> None:
    """The numbers say much about a network."""
    file = tmp_path / "token"
    file.write_text("open-sesame\n")
    settings = MetricsSettings(first_port=0, token_file=file)
    with serving(PrometheusMeter(), settings, place=0) as port:
        assert _get(port, "guess")[0] == 401
        assert _get(port)[0] == 401
        assert "python_info" in _get(port, "open-sesame")[1]


def test_a_port_that_is_taken_is_no_reason_not_to_work() -> None:
    """Another one serves, and the log says which."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with serving(PrometheusMeter(), MetricsSettings(first_port=number), place=0) as port:
            assert port != number
            assert "python_info" in _get(port)[1]


def test_others_may_not_listen_in_without_a_token() -> None:
    """Loopback is for everybody on the host, an open address is not."""
    with pytest.raises(ValidationError, match="TOKEN_FILE"):
        MetricsSettings(listen="0.0.0.0")


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_a_token_file_that_will_not_do_is_named(tmp_path: Path, content: bytes | None) -> None:
    """A missing, empty or binary file is the operator's to mend."""
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ConfigError, match="FORESHADOW_METRICS__TOKEN_FILE"):
        MetricsSettings(token_file=file).token()
