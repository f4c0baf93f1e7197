"""Everything an operator can set, from `FORESHADOW_*` variables.

Built once in the composition root; each function receives only its own branch. Unknown keys fail.
Durations carry their unit in the name.
"""

import re
from pathlib import Path
from typing import Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from foreshadow.experiment import LEAST_FIDELITY

_STRICT = ConfigDict(extra="forbid", frozen=True)
_BOOTSTRAP = re.compile(r"[^\s,]+:\d+(,[^\s,]+:\d+)*")


class BrokerSecurity(BaseModel):
    """Whom to trust as the broker, and who we are to it."""

    model_config = _STRICT
    protocol: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    ca_file: Path | None = Field(
        default=None, description="PEM of the authorities; none: the host's own"
    )
    verify_hostname: bool = True
    certificate_file: Path | None = Field(
        default=None, description="PEM of our own certificate, for mutual TLS"
    )
    key_file: Path | None = Field(default=None, description="PEM of its key")
    key_password: SecretStr | None = None
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str = ""
    password: SecretStr | None = None
    password_file: Path | None = Field(default=None, description="instead of `password`")

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection is TLS."""
        return self.protocol in ("ssl", "sasl_ssl")

    @property
    def is_authenticated(self) -> bool:
        """Whether we say who we are by a password (SASL)."""
        return self.protocol in ("sasl_plaintext", "sasl_ssl")

    @model_validator(mode="after")
    def _is_whole(self) -> "BrokerSecurity":
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("mutual TLS needs both CERTIFICATE_FILE and KEY_FILE")
        if self.certificate_file is not None and not self.is_encrypted:
            raise ValueError("a certificate is of use with PROTOCOL=ssl or sasl_ssl only")
        if self.is_authenticated and not self.username:
            raise ValueError("SASL needs USERNAME")
        if self.is_authenticated and (self.password is None) == (self.password_file is None):
            raise ValueError("SASL needs PASSWORD_FILE, or else PASSWORD")
        return self


class BusSettings(BaseModel):
    """Where Kafka is and what this run's topics are called."""

    model_config = _STRICT
    bootstrap: str = "127.0.0.1:9092"
    topic_prefix: str = Field(default="fs", pattern=r"^[A-Za-z0-9._-]{1,100}$")
    security: BrokerSecurity = BrokerSecurity()
    outage_s: float = Field(
        default=180.0, gt=0, description="how long the broker may be away before a process gives up"
    )

    @field_validator("bootstrap")
    @classmethod
    def _is_an_address(cls, text: str) -> str:
        if not _BOOTSTRAP.fullmatch(text):
            raise ValueError(f"{text!r} is no broker's address; expected HOST:PORT[,HOST:PORT...]")
        return text


class IngestSettings(BaseModel):
    """How production is read, and how often its state is vouched for."""

    model_config = _STRICT
    poll_s: float = Field(default=2.0, gt=0, description="everything is read again this often")
    heartbeat_s: float = Field(default=5.0, gt=0, description="digest of every stream")
    report_s: float = Field(default=1.0, gt=0, description="account of messages and bytes")
    sources_file: Path | None = Field(
        default=None, description="what is read; none: the FRR routers of the inventory"
    )


class ShadowSettings(BaseModel):
    """Where the labs' routers run, and how the mirror follows production."""

    model_config = _STRICT
    backend: Literal["netns", "containerlab"] = Field(
        default="netns", description="routers in namespaces of this host, or in containers"
    )
    engine: str = Field(
        default="unix:///run/foreshadow-docker/docker.sock",
        pattern=r"^unix:///.+",
        description="the container engine's socket; the default is of make setup-containerlab",
    )
    coalesce_s: float = Field(
        default=0.2, ge=0, description="changes this close to the one before wait for each other"
    )
    fidelity_s: float = Field(default=2.0, gt=0, description="pause between two comparisons")
    converge_s: float = Field(
        default=30.0, gt=0, description="how long a lab may take to agree with production"
    )
    least_fidelity: float = Field(
        default=LEAST_FIDELITY, gt=0, le=1, description="below it, what the bench measures is void"
    )
    audit_s: float = Field(
        default=10.0, gt=0, description="every router of the mirror is read again this often"
    )


class ForecastSettings(BaseModel):
    """What is forecast, how far ahead, and when that is worth a warning."""

    model_config = _STRICT
    horizons_s: tuple[int, ...] = (3600, 10800)
    step_s: int = 300
    quantile: float = Field(default=0.95, gt=0.5, lt=1)
    residual_window: int = Field(
        default=2016, ge=50, description="steps the residual quantile looks back"
    )
    watched_pairs: int = Field(
        default=24, ge=1, description="(failure, link) pairs with models of their own"
    )
    watched_demands: int = Field(
        default=6, ge=0, description="largest demands with models of their own"
    )
    warm_up_steps: int = Field(default=576, ge=1, description="steps seen before the first warning")
    warn_from: AwareDatetime | None = Field(
        default=None,
        description="event time before which intervals are history: learnt from, never warned of",
    )


class PolicySettings(BaseModel):
    """The limits a network and a change must keep."""

    model_config = _STRICT
    load_limit: float = Field(default=0.85, gt=0, le=1)
    moved_traffic_cap: float = Field(default=0.10, gt=0, le=1)
    finalists: int = Field(default=4, ge=1, le=8)
    governance_file: Path | None = None
    wave_steps: tuple[float, ...] = Field(
        default=(0.01, 0.05, 0.25, 0.50, 1.0),
        min_length=1,
        description="cumulative shares of the affected traffic, ascending to 1",
    )
    valid_s: int = Field(
        default=3 * 3600, gt=0, description="event time a proven candidate stays valid for"
    )


class ScenarioSettings(BaseModel):
    """Which scenarios the drills process runs by itself, on the calendar or on a forecast."""

    model_config = _STRICT
    folder: Path | None = Field(
        default=None, description="scenario files; none: nothing is drilled by the calendar"
    )
    network_file: Path | None = Field(
        default=None, description="says what telemetry does not: roles and shared risk groups"
    )


class RolloutTimes(BaseModel):
    """How long a wave waits, watches and may live unconfirmed; a named profile."""

    model_config = _STRICT
    name: str = "production"
    settle_s: float = 30.0
    soak_s: float = 300.0
    dead_man_s: float = 600.0


PRODUCTION_TIMES = RolloutTimes()
DEMO_TIMES = RolloutTimes(name="demo", settle_s=1.0, soak_s=5.0, dead_man_s=10.0)
REHEARSAL_TIMES = RolloutTimes(name="rehearsal", settle_s=1.0, soak_s=1.0, dead_man_s=6.0)
"""For tests: too short to see anything but what happens at once."""

TIMES = {times.name: times for times in (PRODUCTION_TIMES, DEMO_TIMES, REHEARSAL_TIMES)}


class RolloutSettings(BaseModel):
    """How changes reach production."""

    model_config = _STRICT
    profile: Literal["production", "demo", "rehearsal"] = "production"
    journal: Path = Path("journal.sqlite")
    ssh_password: SecretStr | None = None
    may_configure: bool = Field(
        default=False, description="otherwise a dry run: verify and approve, change no device"
    )
    allow_override: bool = Field(
        default=False, description="take candidates that roll out without having passed a proof"
    )
    moved_traffic_cap: float = Field(
        default=0.10, gt=0, le=1, description="share of all traffic, whatever a candidate asks for"
    )

    @property
    def times(self) -> RolloutTimes:
        """The durations of the chosen profile."""
        return TIMES[self.profile]


class Settings(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(
        env_prefix="FORESHADOW_", env_nested_delimiter="__", extra="forbid", frozen=True
    )
    run_id: str = Field(default="fs", pattern=r"^fs[0-9a-f]{0,6}$")
    run_dir: Path = Path(".run")
    inventory: Path | None = None
    bus: BusSettings = BusSettings()
    ingest: IngestSettings = IngestSettings()
    shadow: ShadowSettings = ShadowSettings()
    forecast: ForecastSettings = ForecastSettings()
    policy: PolicySettings = PolicySettings()
    rollout: RolloutSettings = RolloutSettings()
    scenarios: ScenarioSettings = ScenarioSettings()
