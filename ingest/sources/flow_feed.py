"""All exporters of a network: who a sender is, and the demand of every device."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, IPvAnyAddress

from foreshadow import meter as metrics
from foreshadow.errors import ConfigError
from foreshadow.meter import Meter
from foreshadow.telemetry import DEAD_LETTER_SAMPLE_BYTES
from foreshadow.topology import NodeId, Prefix
from ingest.demand_interval import DemandRules, DeviceDemand
from ingest.demand_prefixes import PrefixTable, Unlisted
from ingest.heard import DemandReading, Refused
from ingest.refusal_gate import RefusalGate
from ingest.source import Ground
from ingest.sources.flow_decoder import FlowDecoder, FlowHeard
from ingest.sources.sflow import agent_of

_S = 1_000_000_000


def _unlisted(given: object) -> Unlisted:
    if given in {"mask", "aside"}:
        return cast("Unlisted", given)
    try:
        return Prefix(str(given))
    except ValueError:
        raise ValueError(
            f"{given!r} is neither `mask` nor `aside` nor a prefix such as 0.0.0.0/0"
        ) from None


class FlowConfig(BaseModel):
    """What every source of flows must know of the network."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    aliases: Mapping[IPvAnyAddress, str] = Field(
        min_length=1, description="exporter's address (or sFlow agent's) to device"
    )
    edges: Mapping[str, frozenset[int]] = Field(
        default={},
        description="by device, SNMP indices of the interfaces traffic enters the network by; "
        "a device without: it exports flows at those only",
    )
    sampling: Mapping[str, Annotated[float, Field(ge=1)]] = Field(
        default={}, description="by device: one packet in how many, where it does not say itself"
    )
    interfaces: Mapping[str, Mapping[int, str]] = Field(
        default={},
        description="by device: names by SNMP index, for counters in sFlow that have none",
    )
    prefixes: tuple[Prefix, ...] = Field(
        default=(), description="destinations are counted to the longest of these that fits"
    )
    prefixes_file: Path | None = Field(default=None, description="more of them, one a line")
    unlisted: Annotated[Unlisted, BeforeValidator(_unlisted)] = Field(
        default="mask",
        description="what a destination in none of them counts to: `mask` is the router's own "
        "route to it, `aside` nothing, or one prefix that takes them all",
    )
    interval_s: float = Field(default=300.0, ge=1)
    lateness_s: float = Field(
        default=120.0,
        ge=0,
        description="how long after its end an interval waits; at least the exporters' active "
        "timeout",
    )
    max_prefixes: int = Field(default=20_000, ge=1, description="a device and interval")

    def feed(self, ground: Ground, *, since_ns: int) -> "FlowFeed":
        """Who the exporters are and how their flows become demand.

        Args:
            ground: The inventory.
            since_ns: When listening begins; 0 where everything there is will be heard.

        Raises:
            ConfigError: A device is not in the inventory; names it.
        """
        known = {device.name for device in ground.devices}
        named = {*self.aliases.values(), *self.edges, *self.sampling, *self.interfaces}
        if known and (unknown := sorted(named - known)):
            raise ConfigError(
                f"{unknown[0]!r} is not in the inventory; devices are named as there",
                field="aliases",
            )
        table = PrefixTable((*self.prefixes, *self._listed()), unlisted=self.unlisted)
        return FlowFeed(self, table, since_ns=since_ns)

    def rules(self, device: str, prefixes: PrefixTable) -> DemandRules:
        """How the flows of a device become demand."""
        return DemandRules(
            interval_s=self.interval_s,
            lateness_s=self.lateness_s,
            prefixes=prefixes,
            edges=self.edges.get(device),
            max_prefixes=self.max_prefixes,
        )

    def _listed(self) -> Iterator[Prefix]:
        if (path := self.prefixes_file) is None:
            return
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot be read: {error}", path=path) from error
        for number, line in enumerate(lines, start=1):
            if not (text := line.partition("#")[0].strip()):
                continue
            try:
                yield Prefix(text)
            except ValueError as error:
                raise ConfigError(
                    f"{text!r} is no IPv4 prefix such as 10.1.0.0/16", path=path, line=number
                ) from error


class FlowFeed:
    """Gives every datagram to the decoder of its exporter."""

    def __init__(self, config: FlowConfig, prefixes: PrefixTable, *, since_ns: int) -> None:
        """Begin with nothing heard."""
        self.demands = {
            device: DeviceDemand(NodeId(device), config.rules(device, prefixes), since_ns=since_ns)
            for device in dict.fromkeys(config.aliases.values())
        }
        """By device: each has its `account`."""
        self.exporters = {
            str(address): FlowDecoder(
                self.demands[device],
                sampled_one_in=config.sampling.get(device),
                interfaces=config.interfaces.get(device),
            )
            for address, device in config.aliases.items()
        }
        """By address: each has its `account`."""
        self.strangers = 0
        """Datagrams of senders that nobody named."""
        self.refusals = RefusalGate()
        """Of those that are the same, one a minute."""

    def hear(
        self, raw: bytes, *, sender: str, origin: str, received_ns: int
    ) -> Iterator[FlowHeard]:
        """What one datagram leads to; of refusals that are the same only one a minute."""
        decoder = self.exporters.get(sender) or self.exporters.get(agent_of(raw) or "")
        if decoder is None:
            self.strangers += 1
            stranger = Refused(
                reason=f"flows from {sender}, which is no exporter we know; add it to `aliases`",
                sample=raw[:DEAD_LETTER_SAMPLE_BYTES],
                origin=origin,
            )
            yield from self.refusals.let_through(sender, stranger, received_ns)
            return
        for each in decoder.decode(raw, origin=origin, received_ns=received_ns):
            if isinstance(each, Refused):
                yield from self.refusals.let_through(sender, each, received_ns)
            else:
                yield each

    def pass_time(self, now_ns: int) -> Iterator[DemandReading]:
        """The intervals of devices that fell silent."""
        for demand in self.demands.values():
            demand.pass_time(now_ns)
            yield from demand.readings()

    def measure(self, meter: Meter) -> None:
        """Say how every exporter and device is doing."""
        meter.total(metrics.FLOW_STRANGERS, self.strangers)
        for address, decoder in self.exporters.items():
            heard = decoder.account
            meter.total(metrics.FLOW_DATAGRAMS, heard.datagrams, exporter=address)
            meter.total(metrics.FLOW_REFUSED, heard.refused, exporter=address)
            meter.total(metrics.FLOW_LOST, heard.lost, exporter=address)
            meter.total(metrics.FLOW_CLOCK_OFF, heard.clocks_off, exporter=address)
        for device, demand in self.demands.items():
            meter.total(metrics.FLOW_BYTES, demand.account.octets, device=device)
            meter.total(metrics.FLOW_WITHHELD, demand.account.withheld, device=device)
            for reason, octets in demand.account.aside_octets.items():
                meter.total(metrics.FLOW_ASIDE_BYTES, octets, device=device, reason=reason)
            if demand.account.recent:
                error = demand.account.recent[-1].relative_error
                meter.level(metrics.FLOW_ERROR, error, device=device)

    def finish(self) -> Iterator[DemandReading]:
        """All intervals still open: there will be no more."""
        for demand in self.demands.values():
            demand.finish()
            yield from demand.readings()
