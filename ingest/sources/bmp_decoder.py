"""BMP messages of one session, from whatever carried them, as values."""

from collections.abc import Iterator

from foreshadow.telemetry import DEAD_LETTER_SAMPLE_BYTES
from foreshadow.topology import NodeId
from ingest.device_names import DeviceNames, host_of, unknown_sender
from ingest.heard import LARGEST_INPUT_BYTES, Heard, Refused
from ingest.sources.bgp_octets import Malformed
from ingest.sources.bmp_message import Initiation, Message, decode_message
from ingest.sources.bmp_paths import MOST_PATHS
from ingest.sources.bmp_router import MOST_PEERS, SOURCE, AdjRibIn, BmpRouter


class BmpDecoder:
    """Finds out which router it is, and reads what that router says; one for each session."""

    name = SOURCE

    def __init__(
        self,
        names: DeviceNames,
        *,
        adj_rib_in: AdjRibIn = "pre-policy",
        most_peers: int = MOST_PEERS,
        most_paths: int = MOST_PATHS,
    ) -> None:
        """Begin a session.

        Args:
            names: Devices by what they call themselves and by their addresses.
            adj_rib_in: Which table stands for what a peer sent.
            most_peers: How many peers of the router may be up.
            most_paths: How many paths of peers with add-path are remembered.
        """
        self._names, self._adj_rib_in = names, adj_rib_in
        self._most_peers, self._most_paths = most_peers, most_paths
        self.device: NodeId | None = None
        """Whose session it is, once known."""
        self.router: BmpRouter | None = None

    def decode(self, raw: bytes, *, origin: str, received_ns: int) -> Iterator[Heard]:
        """Everything one message says; never raises on its content."""
        if len(raw) > LARGEST_INPUT_BYTES:
            reason = f"longer than {LARGEST_INPUT_BYTES} octets"
            yield Refused(reason=reason, sample=_sample(raw), origin=origin)
            return
        try:
            message = decode_message(raw)
            router = self._router(message, origin)
            if router is None:
                said = message.system_name if isinstance(message, Initiation) else ""
                yield unknown_sender(origin, said, host_of(origin), sample=_sample(raw))
            else:
                yield from router.take(message, origin=origin, received_ns=received_ns)
        except Malformed as error:
            yield Refused(reason=f"BMP: {error}", sample=_sample(raw), origin=origin)

    def _router(self, message: Message, origin: str) -> BmpRouter | None:
        """The router of this session: by the name it gives itself, else by its address."""
        if self.router is None:
            said = message.system_name if isinstance(message, Initiation) else ""
            self.device = self._names.of(said, origin)
            if self.device is not None:
                self.router = BmpRouter(
                    self.device,
                    adj_rib_in=self._adj_rib_in,
                    most_peers=self._most_peers,
                    most_paths=self._most_paths,
                )
        return self.router


def _sample(raw: bytes) -> bytes:
    return raw[:DEAD_LETTER_SAMPLE_BYTES]
