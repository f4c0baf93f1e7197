"""Which decoder reads records of other people's making, by the name an operator gives it."""

from collections.abc import Iterable, Mapping
from typing import Literal, Protocol, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from foreshadow.errors import ConfigError
from foreshadow.meter import Meter
from ingest.device_names import DeviceNames
from ingest.heard import Decoder, Heard
from ingest.source import Ground
from ingest.sources.gnmi_decoder import Framing, GnmiDecoder

Spelling = Literal["gnmi", "gnmi-proto", "gnmic-json", "gnmic-event", "mdt", "cisco-csv"]
SPELLINGS: tuple[str, ...] = get_args(Spelling)


class RecordDecoder(Decoder, Protocol):
    """A decoder of records that may come under a key, and that may hold something back.

    Attributes:
        framing: What a record is in a file.
    """

    framing: Framing

    def decode_from(
        self, raw: bytes, key: str, *, origin: str, received_ns: int
    ) -> Iterable[Heard]:
        """As `decode`, of a record that came under a key which may say who sent it."""
        ...

    def measure(self, meter: Meter, source: str) -> None:
        """Say to a meter what was met."""
        ...

    def remember(self) -> bytes:
        """Everything that later records are understood by."""
        ...

    def recall(self, memory: bytes) -> Iterable[Heard]:
        """Take back what was saved, and tell all of it anew.

        Raises:
            ValueError: It was saved by nobody like this one.
        """
        ...

    def finish(self) -> Iterable[Heard]:
        """What was held back for more of it to come, when nothing more comes."""
        ...


class RecordConfig(BaseModel):
    """What the sources that read records have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    format: Spelling
    device: str | None = Field(
        default=None, description="whose a record is that names nobody we know"
    )
    aliases: Mapping[str, str] = Field(
        default_factory=dict, description="device by the address or name its sender gives"
    )
    network_instance: str = Field(
        default="default", description="whose sessions and routes are the device's own"
    )
    trust_event_snapshots: bool = Field(
        default=False,
        description="gnmic-event says no sync_response: take what a device has told by "
        "`snapshot_s` for all there is",
    )
    snapshot_s: float = Field(default=60.0, gt=0)

    @model_validator(mode="after")
    def _is_an_event_stream(self) -> "RecordConfig":
        if self.trust_event_snapshots and self.format != "gnmic-event":
            raise ValueError("trust_event_snapshots is of use with format: gnmic-event only")
        return self

    def decoder(self, ground: Ground) -> RecordDecoder:
        """A decoder that knows the devices of the inventory.

        Raises:
            ConfigError: `device` or an alias names a device that the inventory has not.
        """
        known = {device.name for device in ground.devices}
        named = {"device": self.device} | {f"aliases.{a}": d for a, d in self.aliases.items()}
        for field, name in named.items():
            if name is not None and name not in known:
                raise ConfigError(
                    f"{name!r} is no device of the inventory; it has {', '.join(sorted(known))}",
                    field=field,
                )
        names = DeviceNames(known, self.aliases, default=self.device)
        return made_decoder(
            self.format,
            names,
            instance=self.network_instance,
            trusted_after_s=self.snapshot_s if self.trust_event_snapshots else None,
        )


def made_decoder(
    spelling: str,
    names: DeviceNames,
    *,
    instance: str = "default",
    trusted_after_s: float | None = None,
) -> RecordDecoder:
    """A decoder of a spelling."""
    return GnmiDecoder(spelling, names, instance=instance, trusted_after_s=trusted_after_s)
