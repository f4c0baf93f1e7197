"""Templates of one exporter: what its data sets mean, for as long as that can be trusted.

The decoder's own store takes whatever a datagram defines. A template is a program for reading data,
so this one keeps only those whose cost is bounded: 16,000 elements of no length would make 200
bytes of data take over a second to read. Templates of one exporter never push out another's.
"""

from collections import Counter
from dataclasses import dataclass

from netflume import TemplateStore

from ingest.sources.netflow_record import BACK_OCTETS, NEEDED, NEEDED_BACK, SECTIONS

_S = 1_000_000_000
_MOST_ELEMENTS = 512
_MOST_EMPTY_ELEMENTS = 4
"""Elements that take no bytes; some exporters announce one or two."""

_DESTINATIONS = frozenset({"dst_addr", *SECTIONS})
_VARIABLE = 0xFFFF
_PASSED_OVER = "-"

Element = tuple[str, str, int]
"""(the decoder's name, how to read it, length)."""

Place = tuple[int, int]
"""(observation domain, template)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateLimits:
    """What is kept of one exporter.

    Attributes:
        templates: The least recently used go first.
        lifetime_s: A template not sent again for this long is forgotten (RFC 7011 section 8.4 has
            the exporter send three times as often).
        domains: Observation domains whose numbers are followed.
        held_bytes: Data that waits for its template, all together.
        held_s: How long it waits.
    """

    templates: int = 512
    lifetime_s: float = 7_200.0
    domains: int = 256
    held_bytes: int = 1 << 20
    held_s: float = 600.0


class Templates(TemplateStore):
    """The decoder's store, with limits."""

    def __init__(self, limits: TemplateLimits) -> None:
        """Begin with none."""
        super().__init__(limits.templates, max_pending=1)  # type: ignore[no-untyped-call]
        self.now_ns = 0
        """Set before each datagram."""
        self.missing: Counter[Place] = Counter()
        """How many of the datagram's sets came before their template; the caller clears."""
        self.refused: list[str] = []
        """Why templates of the datagram were not taken; the caller clears."""
        self.passed_over = 0
        """Sets of data by templates that name no destination: translations, layer 2, statistics."""
        self.told = 0
        """Templates taken, those sent again too."""
        self._lifetime_ns = round(limits.lifetime_s * _S)
        self._told_ns: dict[Place, int] = {}

    def put(  # noqa: PLR0917 - the decoder's signature
        self,
        exporter: str,
        domain: int,
        tid: int,
        fields: list[Element],
        options: bool = False,  # noqa: FBT001, FBT002
    ) -> bool:
        """Keep a template, if reading by it is cheap; whether it is new or has changed."""
        if len(fields) > _MOST_ELEMENTS:
            self.refused.append(f"a template has more than {_MOST_ELEMENTS} elements")
            return False
        if sum(length == 0 for _, _, length in fields) > _MOST_EMPTY_ELEMENTS:
            self.refused.append(
                f"a template has more than {_MOST_EMPTY_ELEMENTS} elements of no length"
            )
            return False
        self.told += 1
        self._told_ns[domain, tid] = self.now_ns
        if len(self._told_ns) > 2 * self.max_templates:
            kept = {(domain, tid) for _, domain, tid in self.templates}
            self._told_ns = {key: ns for key, ns in self._told_ns.items() if key in kept}
        needed = fields if options else _needed(fields)
        is_new = super().put(exporter, domain, tid, needed, options)  # type: ignore[no-untyped-call]
        return bool(is_new)

    def get(self, exporter: str, domain: int, tid: int) -> tuple[list[Element] | None, bool]:
        """The template, unless it is too old to be trusted; what is not there is `missing`."""
        told_ns = self._told_ns.get((domain, tid))
        if told_ns is not None and abs(self.now_ns - told_ns) > self._lifetime_ns:
            self.templates.pop((exporter, domain, tid), None)
        fields, is_options = super().get(exporter, domain, tid)  # type: ignore[no-untyped-call]
        if not fields:
            self.missing[domain, tid] += 1
        elif not is_options and _DESTINATIONS.isdisjoint(name for name, _, _ in fields):
            self.passed_over += 1
            return None, False
        return fields, is_options


def _needed(fields: list[Element]) -> list[Element]:
    """The same template, with what nobody looks at as bytes to pass over, run by run.

    It halves the time a record takes to decode. Addresses stay numbers: as text they would be
    parsed again.
    """
    is_two_way = any(name in BACK_OCTETS for name, _, _ in fields)
    wanted = NEEDED | NEEDED_BACK if is_two_way else NEEDED
    needed: list[Element] = []
    for name, kind, length in fields:
        if name in wanted:
            is_ipv4 = (kind, length) == ("ipv4", 4)
            needed.append((name, "uint" if is_ipv4 else kind, length))
        elif length == _VARIABLE or not needed or not _is_passed_over(needed[-1]):
            needed.append((f"{_PASSED_OVER}{len(needed)}", "uint", length))
        else:
            last, _, before = needed[-1]
            needed[-1] = (last, "uint", before + length)
    return needed


def _is_passed_over(element: Element) -> bool:
    name, _, length = element
    return name.startswith(_PASSED_OVER) and length != _VARIABLE
