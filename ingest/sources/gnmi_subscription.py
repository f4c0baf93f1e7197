"""A direct gNMI subscription, in a file of sources: which targets, which paths, and how secured."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from ingest.sources.gnmi_notification import parse_path

_STRICT = ConfigDict(extra="forbid", frozen=True)
_INSTANCE = "/network-instances/network-instance[name=*]"
_PROTOCOL = f"{_INSTANCE}/protocols/protocol[identifier=*][name=*]"


class GnmiPath(BaseModel):
    """One path of a subscription."""

    model_config = _STRICT
    path: str
    mode: Literal["on-change", "sample", "target-defined"] = "on-change"
    sample_s: float = Field(default=10.0, ge=0.1, description="of mode: sample")
    heartbeat_s: float = Field(default=60.0, ge=0, description="0: none")
    suppress_redundant: bool = Field(default=False, description="of mode: sample")

    @field_validator("path")
    @classmethod
    def _is_a_path(cls, text: str) -> str:
        if not parse_path(text):
            raise ValueError("expected a path such as /interfaces/interface/state/oper-status")
        return text


DEFAULT_PATHS = (
    GnmiPath(path="/interfaces/interface[name=*]/state/oper-status"),
    GnmiPath(path="/interfaces/interface[name=*]/state/admin-status"),
    GnmiPath(path="/interfaces/interface[name=*]/state/counters", mode="sample"),
    GnmiPath(path="/interfaces/interface[name=*]/ethernet/state/port-speed"),
    GnmiPath(
        path="/interfaces/interface[name=*]/subinterfaces/subinterface[index=*]"
        "/ipv4/addresses/address[ip=*]/state"
    ),
    GnmiPath(path=f"{_PROTOCOL}/bgp/global/state/as"),
    GnmiPath(path=f"{_PROTOCOL}/bgp/neighbors/neighbor[neighbor-address=*]/state"),
)


class GnmiSecurity(BaseModel):
    """Whom to trust as the target, and who we are to it."""

    model_config = _STRICT
    plaintext: bool = Field(default=False, description="no TLS: for a lab")
    ca_file: Path | None = Field(
        default=None, description="PEM of the authorities; none: the host's own"
    )
    certificate_file: Path | None = Field(
        default=None, description="PEM of our own certificate, for mutual TLS"
    )
    key_file: Path | None = Field(default=None, description="PEM of its key")
    server_name: str | None = Field(
        default=None, description="the name in the target's certificate, where it is not its host"
    )
    username: str = ""
    password: SecretStr | None = Field(default=None, description="better: password_file")
    password_file: Path | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("mutual TLS needs both certificate_file and key_file")
        if self.password is not None and self.password_file is not None:
            raise ValueError("give password_file or password, not both")
        has_password = self.password is not None or self.password_file is not None
        if has_password and not self.username:
            raise ValueError("a password needs a username")
        if self.plaintext and has_password:
            raise ValueError("a password would travel in the clear; remove plaintext: true")
        if self.plaintext and (self.ca_file or self.certificate_file):
            raise ValueError("plaintext: true has no use for certificates")
        return self


class GnmiTarget(BaseModel):
    """One device that is subscribed to."""

    model_config = _STRICT
    device: str = Field(description="its name in the inventory")
    address: str = Field(pattern=r"^\S+:\d{1,5}$", description="HOST:PORT")
    target: str = Field(default="", description="its name behind a gateway (prefix.target)")
    security: GnmiSecurity | None = Field(default=None, description="none: that of all")
