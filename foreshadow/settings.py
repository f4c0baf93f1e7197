"""Everything an operator can set, from `FORESHADOW_*` variables.

Built once in the composition root; each function receives only its own branch. Unknown keys fail.
Durations carry their unit in the name.
"""

import re
from pathlib import Path
from typing import Literal, Self

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

from foreshadow.errors import ConfigError
from foreshadow.experiment import LEAST_FIDELITY

_STRICT = ConfigDict(extra="forbid", frozen=True)
_DAY_S = 86_400
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

    def secret(self) -> str:
        """The password, from wherever it lies.

        Raises:
            ConfigError: Its file cannot be read.
        """
        if self.password is not None:
            return self.password.get_secret_value()
        field = "FORESHADOW_BUS__SECURITY__PASSWORD_FILE"
        try:
            return (self.password_file or Path()).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"cannot be read: {error}", path=self.password_file, field=field
            ) from error

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


class MetricsSettings(BaseModel):
    """Where each process serves its numbers to Prometheus, and how often it tells them."""

    model_config = _STRICT
    listen: str = Field(default="127.0.0.1", description="elsewhere only with a token")
    first_port: int = Field(
        default=9464, ge=0, le=65_000, description="of the first process; 0: any free ones"
    )
    token_file: Path | None = Field(default=None, description="who asks must send what is in it")
    report_s: float = Field(default=5.0, gt=0, description="pause between two reports on the bus")

    @model_validator(mode="after")
    def _is_guarded(self) -> "MetricsSettings":
        if self.listen not in ("127.0.0.1", "::1", "localhost") and self.token_file is None:
            raise ValueError(f"LISTEN={self.listen} is open to others: it needs TOKEN_FILE")
        return self

    def token(self) -> str | None:
        """What whoever asks must send; None where anybody may.

        Raises:
            ConfigError: The file cannot be read, or is empty.
        """
        if self.token_file is None:
            return None
        field = "FORESHADOW_METRICS__TOKEN_FILE"
        try:
            token = self.token_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"cannot be read: {error}", path=self.token_file, field=field
            ) from error
        if not token:
            raise ConfigError("is empty", path=self.token_file, field=field)
        return token


class IngestSettings(BaseModel):
    """How production is read, and how often its state is vouched for."""

    model_config = _STRICT
    poll_s: float = Field(default=2.0, gt=0, description="everything is read again this often")
    heartbeat_s: float = Field(default=5.0, gt=0, description="digest of every stream")
    report_s: float = Field(default=1.0, gt=0, description="account of messages and bytes")
    quiet_s: float = Field(
        default=180.0, gt=0, description="a source of changes may say nothing of a router so long"
    )
    prefer: tuple[str, ...] = Field(
        default=(), description="sources, best first: whom a stream that several tell follows"
    )
    checkpoint_s: float = Field(
        default=30.0, gt=0, description="pause between two checkpoints of the state's owner"
    )
    counters_s: float = Field(default=10.0, gt=0, description="FRR routers' counters are read")
    longest_gap_s: float = Field(
        default=900.0, gt=0, description="over a longer time between two readings there is no rate"
    )
    rate_deadband: float = Field(
        default=0.02, ge=0, lt=1, description="share by which a rate may move unsaid"
    )
    rate_deadband_bps: float = Field(
        default=10_000.0, ge=0, description="and by so much in any case"
    )
    rate_heartbeat_s: float = Field(
        default=60.0, gt=0, description="of a device that is read something is said so often"
    )
    rate_whole_s: float = Field(
        default=300.0, gt=0, description="and every rate so often, moved or not"
    )
    demand_deadband: float = Field(
        default=0.05, ge=0, lt=1, description="share by which a demand may move unsaid"
    )
    demand_deadband_floor: float = Field(
        default=0.002,
        ge=0,
        lt=1,
        description="and by such a share of all that enters at its router; both 0: every change",
    )
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
    horizons_s: tuple[int, ...] = Field(
        default=(900, 3600, 10800, 21600),
        min_length=1,
        description="windows the peak is forecast for, multiples of step_s, a day at most",
    )
    step_s: int = Field(default=300, gt=0, description="length of one interval")
    quantile: float = Field(
        default=0.95,
        gt=0.5,
        lt=1,
        description="of the bound held against the load limit; P90, P95 and P99 are given beside",
    )
    residual_window: int = Field(
        default=2016, ge=50, description="steps the residual quantile looks back"
    )
    watched_pairs: int = Field(
        default=24,
        ge=1,
        description="(failure, link) pairs with models of their own, 112 KiB each as below",
    )
    watched_demands: int = Field(
        default=6,
        ge=0,
        description="largest demands with models of their own, 112 KiB each at four horizons",
    )
    warm_up_steps: int = Field(default=576, ge=1, description="steps seen before the first warning")
    warn_from: AwareDatetime | None = Field(
        default=None,
        description="event time before which intervals are history: learnt from, never warned of",
    )
    clear_ratio: float = Field(
        default=0.95,
        gt=0,
        le=1,
        description="a warned link is quiet again once its bound is below this share of the limit",
    )
    cool_down_s: float = Field(
        default=1800.0, ge=0, description="event time before a link that was quiet is warned again"
    )
    warnings_per_hour: int = Field(
        default=12, ge=1, description="event time; the dearest are sent, the others held back"
    )
    drill_s: float = Field(
        default=120.0, gt=0, description="how long a drill takes, until drills have shown it"
    )
    lead_margin_s: float = Field(
        default=60.0, ge=0, description="a warning's lead exceeds the drill's length by this"
    )
    events_file: Path | None = Field(
        default=None, description="known events: maintenance windows and days unlike others (YAML)"
    )
    checkpoint_file: Path | None = Field(
        default=None, description="what was learnt, saved; none: forecast.*.checkpoint in run_dir"
    )
    checkpoint_s: float = Field(
        default=60.0, ge=0, description="wall clock between two savings; 0 saves after every step"
    )

    @model_validator(mode="after")
    def _horizons_are_steps(self) -> Self:
        for horizon_s in self.horizons_s:
            if horizon_s % self.step_s or not 0 < horizon_s <= _DAY_S:
                raise ValueError(
                    f"horizons_s: {horizon_s} is no multiple of step_s ({self.step_s}) up to a day"
                )
        return self


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
    metrics: MetricsSettings = MetricsSettings()
    ingest: IngestSettings = IngestSettings()
    shadow: ShadowSettings = ShadowSettings()
    forecast: ForecastSettings = ForecastSettings()
    policy: PolicySettings = PolicySettings()
    rollout: RolloutSettings = RolloutSettings()
    scenarios: ScenarioSettings = ScenarioSettings()
