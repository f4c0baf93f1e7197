"""From production's routers to the shadow's, over the real broker and real processes."""

from dataclasses import replace
from typing import Literal

import pytest

from foreshadow.codec import from_json, to_json
from foreshadow.discovery import discover, links_down
from foreshadow.experiment import Experiment, ExperimentResult, Purpose, Verdict
from foreshadow.observed import Stream
from foreshadow.telemetry import Rejected, TelemetrySample
from foreshadow.topics import Topic
from foreshadow.topology import LinkId, NodeId
from shadow.emulation.design import topology_of
from tests.eventually import eventually
from tests.integration.following.conftest import Following, encoded
from tests.square_story import CUT, demand

pytestmark = [pytest.mark.kafka, pytest.mark.netns, pytest.mark.slow]

POLICY = """\
ip prefix-list FS-PEERSW-g1 seq 5 permit 203.0.113.0/27
route-map FS-PEERSW-g1 permit 10
 match ip address prefix-list FS-PEERSW-g1
 set local-preference 200
exit
route-map FS-PEERSW-g1 permit 65535
exit
router bgp 65001
 address-family ipv4 unicast
  neighbor 10.253.0.3 route-map FS-PEERSW-g1 in
 exit-address-family
exit
"""
REVERT = """\
router bgp 65001
 address-family ipv4 unicast
  neighbor 10.253.0.3 route-map OPER-PEERSW-IN in
 exit-address-family
exit
no route-map FS-PEERSW-g1 permit 10
no route-map FS-PEERSW-g1 permit 65535
no ip prefix-list FS-PEERSW-g1 seq 5 permit 203.0.113.0/27
"""
CLEAR = "clear bgp ipv4 unicast * soft"


def test_mirror_does_what_production_does(following: Following) -> None:
    """Built from the synced state alone, it agrees on every adjacency, session and next hop."""
    following.await_level()

    report = following.fidelity()
    assert report.adjacencies_total == 2 * len(following.network.links)
    assert report.next_hops_total == 4 * (4 + 2)
    assert report.sessions_total == 2 * 3 + 2
    assert report.disagreements == ()


def test_state_is_production(following: Following) -> None:
    """A consumer that starts now knows topology and tables as the routers have them."""
    following.await_level()
    state = following.copy().state

    def is_production() -> bool:
        state = following.copy().state
        assert state.stale_streams() == ()
        assert state.loc_ribs() == following.production.loc_ribs()
        return state.fibs() == following.production.fibs()

    # A change of attributes alone moves nothing in the kernel: the next poll sees it.
    eventually(is_production, within_s=20, poll_s=0.5)
    designed = {link.id: link.ends() for link in topology_of(following.network).links}
    assert {link.id: link.ends() for link in discover(state).links} == designed


def test_cut_in_production_is_mirrored_and_mended(following: Following) -> None:
    """The same link goes down in the mirror, and comes up again with production's."""
    following.await_level()
    following.production.set_link(CUT, is_up=False)
    try:
        following.await_level(lambda report: report.links_down == (CUT,))
        state = following.copy().state
        assert links_down(state, discover(state)) == {CUT}
    finally:
        following.production.set_link(CUT, is_up=True)

    following.await_level(lambda report: report.links_down == ())


def test_policy_generation_comes_and_goes_with_productions(following: Following) -> None:
    """FS-* objects that a rollout puts on a router are put on its shadow, and taken off again."""
    following.await_level()
    following.production.apply_config(NodeId("SW"), POLICY)
    following.production.execute(NodeId("SW"), CLEAR)
    with following.mirror("SW") as shadow:
        eventually(lambda: "route-map FS-PEERSW-g1 in" in shadow.running_config(), within_s=20)
        following.await_level()

        following.production.apply_config(NodeId("SW"), REVERT)
        following.production.execute(NodeId("SW"), CLEAR)
        eventually(lambda: "FS-PEERSW" not in shadow.running_config(), within_s=20)
        following.await_level()
        assert shadow.running_config() == following.production.running_config(NodeId("SW"))


def test_prefix_a_peer_withdraws_is_withdrawn_in_the_mirror(following: Following) -> None:
    """The peers of the mirror announce what production hears, no more."""
    following.await_level()
    withdraw = "router bgp 65010\n address-family ipv4 unicast\n  {}network 203.0.113.32/27\n"
    for peer in ("PEERNE", "PEERSW"):
        following.production.apply_config(NodeId(peer), withdraw.format("no "))
    try:
        following.await_level(lambda report: report.next_hops_total == 4 * 5)
    finally:
        for peer in ("PEERNE", "PEERSW"):
            following.production.apply_config(NodeId(peer), withdraw.format(""))

    following.await_level(lambda report: report.next_hops_total == 4 * 6)


def test_peer_is_heard_without_soft_reconfiguration(following: Following) -> None:
    """A router that keeps no Adj-RIB-In says what it accepted, which its mirror then hears."""
    following.await_level()
    line = "router bgp 65001\n address-family ipv4 unicast\n  {}neighbor 10.253.0.1 {}\n"
    soft = "soft-reconfiguration inbound"
    following.production.apply_config(NodeId("NE"), line.format("no ", soft))
    try:
        with following.mirror("NE") as shadow:
            eventually(lambda: soft not in shadow.running_config(), within_s=20)
        following.await_level(lambda report: report.next_hops_total == 4 * 6)
        assert len(following.copy().state.received(NodeId("NE"))) == 2
    finally:
        following.production.apply_config(NodeId("NE"), line.format("", soft))
    following.await_level(lambda report: report.next_hops_total == 4 * 6)


@pytest.mark.parametrize(
    ("encoding", "stream", "body"),
    [
        ("frr", Stream.FIB, b'{"show ip route json":"[{"}'),
        ("frr", Stream.INTERFACE, b"{}"),
        ("flow", Stream.DEMAND, b"\x91\x92\xa3abc\xcb?\xf0\0\0\0\0\0\0"),
    ],
)
def test_malformed_telemetry_is_a_dead_letter(
    following: Following, encoding: Literal["frr", "flow"], stream: Stream, body: bytes
) -> None:
    """It is kept with its origin and the reason, and nothing else happens."""
    following.await_level()
    sample = TelemetrySample(
        device=NodeId("NW"),
        stream=stream,
        source="test",
        epoch=1,
        seq=1,
        observed_at_ns=1,
        event_at_ns=1,
        encoding=encoding,
        body=body,
    )
    following.publish(Topic.TELEMETRY, "NW", encoded(sample))

    def rejected() -> list[Rejected]:
        letters = [from_json(it.value, Rejected) for it in following.records(Topic.REJECT)]
        return [it for it in letters if it.sample == encoded(sample)]

    letters = eventually(rejected, within_s=20, poll_s=0.3)
    assert letters[0].reason.startswith(f"{encoding} {stream}: ")
    assert letters[0].origin.startswith("telemetry.v1/")
    following.await_level()


def test_bytes_that_are_no_sample_are_a_dead_letter(following: Following) -> None:
    """Nonsense on the telemetry topic stops nobody."""
    following.publish(Topic.TELEMETRY, "NW", b"\xc1nonsense")

    def rejected() -> bool:
        letters = [from_json(it.value, Rejected) for it in following.records(Topic.REJECT)]
        return any(it.sample == b"\xc1nonsense" for it in letters)

    eventually(rejected, within_s=20, poll_s=0.3)


def test_killed_ingest_is_succeeded_without_loss(following: Following) -> None:
    """After kill -9 a higher epoch takes over, and what changed meanwhile reaches every copy."""
    following.await_level()
    before = max(epoch for epoch, _ in following.copy().state.vector().values())
    following.house.kill("ingest")
    following.production.set_link(CUT, is_up=False)
    try:
        following.house.start("ingest")
        following.await_level(lambda report: report.links_down == (CUT,))
        state = following.copy().state
        assert {epoch for epoch, _ in state.vector().values()} == {before + 1}
        assert state.stale_streams() == ()
    finally:
        following.production.set_link(CUT, is_up=True)
    following.await_level(lambda report: report.links_down == ())


def test_experiment_is_answered_once_also_after_kill_9(following: Following) -> None:
    """The bench is cut while the mirror stays; a restarted shadow answers only what is open."""
    following.await_level()
    first = Experiment(
        id="drill-1",
        purpose=Purpose.DRILL,
        cause="test",
        cut=(CUT,),
        demand=demand(),
        load_limit=0.85,
    )
    following.publish(Topic.DRILL, first.id, to_json(first))
    result = eventually(lambda: _answers(following, "drill-1"), within_s=90, poll_s=0.5)[0]
    assert (result.verdict, result.fidelity) == (Verdict.FAILED, 1.0)
    assert result.undo_verified
    failed = result.phase("failed")
    assert failed is not None
    assert failed.worst.load_ratio == pytest.approx(1.2, abs=0.01)
    assert {(device, stream) for device, stream, *_ in result.vector} >= {("NW", Stream.CONFIG)}

    following.house.kill("shadow")
    second = replace(first, id="drill-2", cut=(LinkId("NW-NE"),))
    following.publish(Topic.DRILL, second.id, to_json(second))
    following.house.start("shadow")
    eventually(lambda: _answers(following, "drill-2"), within_s=90, poll_s=0.5)
    assert len(_answers(following, "drill-1")) == 1
    log = (following.run.directory / "logs" / "shadow.log").read_text()
    assert "predecessors_lab_removed" in log
    following.await_level()


def _answers(following: Following, experiment: str) -> list[ExperimentResult]:
    found = [from_json(it.value, ExperimentResult) for it in following.records(Topic.VERDICT)]
    return [it for it in found if it.id == experiment]


def test_vector_names_the_state_that_was_applied(following: Following) -> None:
    """Whoever reads a report knows which state of production it is about."""
    following.await_level()
    vector = {(device, stream): (e, s) for device, stream, e, s in following.fidelity().vector}
    known = following.copy().state.vector()

    assert vector.keys() == {key for key in known if key[1] is not Stream.DEMAND}
