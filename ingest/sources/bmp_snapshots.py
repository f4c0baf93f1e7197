"""How far a router has told its streams: each an open snapshot at first, then changes."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from foreshadow.observed import Stream, Value
from foreshadow.topology import NodeId
from ingest.heard import Phase, StatePatch

_NOTHING: Mapping[str, Value] = MappingProxyType({})


class Snapshots:
    """Makes the patches of one router's streams, each in the phase its stream is in."""

    def __init__(self, device: NodeId) -> None:
        """Begin with no stream.

        Args:
            device: The router's name.
        """
        self._device = device
        self._phases: dict[Stream, Phase] = {}

    def __bool__(self) -> bool:
        return bool(self._phases)

    def is_whole(self, stream: Stream) -> bool:
        """Whether all of it was told."""
        return self._phases.get(stream) is Phase.CHANGE

    def open(self, stream: Stream) -> Iterator[StatePatch]:
        """The router tells a stream anew."""
        self._phases[stream] = Phase.PART
        yield StatePatch(device=self._device, stream=stream, phase=Phase.BEGIN)

    def end(self, stream: Stream) -> Iterator[StatePatch]:
        """All of a stream is told, if it was not before."""
        if self._phases.get(stream) is Phase.PART:
            self._phases[stream] = Phase.CHANGE
            yield StatePatch(device=self._device, stream=stream, phase=Phase.END)

    def drop(self, stream: Stream) -> None:
        """The router tells it no more."""
        self._phases.pop(stream, None)

    def patch(
        self,
        stream: Stream,
        at_ns: int,
        upserts: Mapping[str, Value] = _NOTHING,
        *,
        deletes: Iterable[str] = (),
        subtrees: Iterable[str] = (),
    ) -> StatePatch:
        """Part of a stream, or a change of it."""
        return StatePatch(
            device=self._device,
            stream=stream,
            phase=self._phases[stream],
            upserts=upserts,
            deletes=tuple(deletes),
            subtrees=tuple(subtrees),
            at_ns=at_ns,
        )

    def vouch(self) -> Iterator[StatePatch]:
        """Each stream that is whole is still as it was told."""
        for stream, phase in self._phases.items():
            if phase is Phase.CHANGE:
                yield StatePatch(device=self._device, stream=stream)
