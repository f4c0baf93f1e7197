"""How many packets passed for each that a router metered, as exporters say it."""

import math
import struct

from ingest.sources.netflow_record import SAMPLER, Reading, Record, number

_MOST_SAMPLERS = 1_024


class Samplers:
    """What one exporter has said about its samplers, by observation domain.

    A flow's own word goes first, then that of the sampler it names, then that of its domain, then
    the operator's. A flow that names a sampler nobody explained, and a packet that was chosen by
    one nobody mentioned, are not taken for unsampled: they would be too small by the sampling rate,
    often a thousandfold.
    """

    def __init__(self, *, configured: float | None = None) -> None:
        """Know nothing yet.

        Args:
            configured: What the operator says, for exporters that do not.
        """
        self._configured = configured
        self._known: dict[tuple[int, int | None], float] = {}

    def learn(self, domain: int, option: Record) -> None:
        """Take an options record; most are about something else."""
        if (one_in := _stated(option)) is None:
            return
        named = (value for name in SAMPLER if (value := number(option, name)) is not None)
        place = (domain, next(named, None))
        self._known.pop(place, None)
        if len(self._known) >= _MOST_SAMPLERS:
            del self._known[next(iter(self._known))]
        self._known[place] = one_in

    def forget(self, domain: int) -> None:
        """The domain says no longer that it samples."""
        self._known.pop((domain, None), None)

    def of(self, domain: int, flow: Record, reading: Reading) -> float | None:
        """Packets that passed for each metered one; None where the sampler is not known."""
        if reading.says_sampling and (one_in := _stated(flow)) is not None:
            return one_in
        sampler = number(flow, reading.sampler)
        for place in ((domain, sampler), (domain, None)):
            if (one_in := self._known.get(place)) is not None:
                return one_in
        if self._configured is not None:
            return self._configured
        is_chosen = sampler or reading.section is not None
        return None if is_chosen else 1.0  # Sampler 0 is Cisco's word for none.


def _stated(record: Record) -> float | None:
    """Packets for each metered one, if the record says; None where it is silent.

    Elements 34 and 50; packet interval and space (305, 306); size of population (309, 310);
    probability (311). Source: RFC 5477 section 8.2.
    """
    for name in ("sampling_interval", "sampler_interval"):
        if one_in := number(record, name):
            return float(one_in)
    interval, space = (
        number(record, name) for name in ("sampling_packet_interval", "sampling_packet_space")
    )
    if interval and space is not None:
        return (interval + space) / interval
    size, population = (number(record, name) for name in ("sampling_size", "sampling_population"))
    if size and population and population >= size:
        return population / size
    return _from_probability(number(record, "ie311"))


def _from_probability(bits: int | None) -> float | None:
    if bits is None:
        return None
    (probability,) = struct.unpack(">d", bits.to_bytes(8, "big"))
    if not math.isfinite(probability) or not 1e-9 < probability <= 1:
        return None
    return 1 / float(probability)
