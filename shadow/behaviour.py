"""What a running lab does, read from its routers: what is compared with production."""

from foreshadow.errors import EmulationFailed
from foreshadow.observed import Session
from foreshadow.topology import LinkId, NodeId
from frr import tables
from frr.configuration import Daemon
from shadow.emulation.emulator import Emulator
from shadow.fidelity import Behaviour
from shadow.mirror import Picture

_SUMMARY = "show bgp ipv4 unicast summary json"


def read_behaviour(lab: Emulator, production: Picture, *, is_converging: bool) -> Behaviour:
    """What a lab does now; may be asked while another thread changes it.

    Args:
        lab: A lab that is up.
        production: Whose routers' sessions are read.
        is_converging: The lab was changed a moment ago.

    Raises:
        TransientError: A router does not answer, or says what cannot be read: a daemon that is
            coming or going answers in words.
    """
    try:
        return Behaviour(
            adjacencies=lab.adjacencies(),
            sessions={router: _sessions(lab, router) for router in production.sessions},
            loc_ribs=lab.loc_ribs(),
            links_down=links_down(lab),
            is_converging=is_converging,
        )
    except ValueError as error:
        raise EmulationFailed(f"a router's answer was not understood: {error}") from error


def links_down(lab: Emulator) -> tuple[LinkId, ...]:
    """Links that are cut in a lab."""
    return tuple(link.id for link in lab.spec.links if not link.is_up)


def _sessions(lab: Emulator, router: NodeId) -> tuple[Session, ...]:
    if Daemon.BGPD not in lab.daemons(router):
        return ()
    return tables.sessions(lab.show(router, _SUMMARY))
