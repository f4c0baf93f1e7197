"""How a Kafka client is told where the broker is, whom to trust, and who it is itself.

Pure: the settings become the options of librdkafka. Every client of the house is made from these,
so a broker that wants TLS, SASL or both is a matter of settings.

Source: librdkafka, CONFIGURATION.md (`security.protocol`, `ssl.*`, `sasl.*`).
"""

from pathlib import Path
from typing import Any

from foreshadow.errors import ConfigError
from foreshadow.settings import BrokerSecurity, BusSettings


def client_options(bus: BusSettings) -> dict[str, Any]:
    """The options that every client needs, to be merged with its own.

    Raises:
        ConfigError: A file that a secured connection needs is missing; names the setting.
    """
    return {
        "bootstrap.servers": bus.bootstrap,
        "reconnect.backoff.max.ms": 2_000,
        # librdkafka writes to stderr by itself; what matters comes back as an error.
        "log_level": 2,
        **_secured(bus.security),
    }


def _secured(security: BrokerSecurity) -> dict[str, Any]:
    if security.protocol == "plaintext":
        return {}
    options: dict[str, Any] = {"security.protocol": security.protocol}
    if security.is_encrypted:
        options["ssl.endpoint.identification.algorithm"] = (
            "https" if security.verify_hostname else "none"
        )
        if security.ca_file is not None:
            options["ssl.ca.location"] = _there("CA_FILE", security.ca_file)
        if security.certificate_file is not None and security.key_file is not None:
            options["ssl.certificate.location"] = _there(
                "CERTIFICATE_FILE", security.certificate_file
            )
            options["ssl.key.location"] = _there("KEY_FILE", security.key_file)
            if security.key_password is not None:
                options["ssl.key.password"] = security.key_password.get_secret_value()
    if security.is_authenticated:
        options["sasl.mechanism"] = security.mechanism
        options["sasl.username"] = security.username
        options["sasl.password"] = security.secret()
    return options


def _there(name: str, path: Path) -> str:
    if not path.is_file():
        raise ConfigError(f"{path} is no file", field=f"FORESHADOW_BUS__SECURITY__{name}")
    return str(path)
