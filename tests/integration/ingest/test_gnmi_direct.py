"""Direct gNMI subscriptions over real gRPC, against the target of `tests/fakes/gnmi_target.py`."""

import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from foreshadow.clock import SystemClock
from foreshadow.incident import IncidentKind
from foreshadow.observed import Stream
from ingest.sources.gnmi_direct import GnmiConfig, GnmiSource
from ingest.sources.gnmi_subscription import GnmiSecurity
from tests.certificates import make_certificates
from tests.eventually import eventually
from tests.fakes.gnmi_target import GnmiTarget, Tls, serving, tree
from tests.fakes.outlet import KeptOutlet

_ENOUGH_S = 60
_OPER = "/interfaces/interface[name={}]/state/oper-status"


@contextmanager
def _subscribed(
    port: int, security: GnmiSecurity | None = None
) -> Iterator[tuple[KeptOutlet, GnmiSource]]:
    """A source at work on one target called r1."""
    config = GnmiConfig.model_validate(
        {
            "kind": "gnmi",
            "targets": [{"device": "r1", "address": f"127.0.0.1:{port}"}],
            "retry_s": 0.05,
            "security": security or GnmiSecurity(plaintext=True),
        }
    )
    outlet, stop = KeptOutlet(), threading.Event()
    source = GnmiSource(config, SystemClock(), random.Random(1), vouch_s=0.5)
    thread = threading.Thread(target=source.run, args=(7, outlet, stop), name="gnmi-under-test")
    thread.start()
    try:
        yield outlet, source
    finally:
        stop.set()
        thread.join(_ENOUGH_S)
        assert not thread.is_alive()


def _oper(outlet: KeptOutlet) -> dict[str, bool] | None:
    held = outlet.mirrored("r1", Stream.INTERFACE)
    return None if held is None else {name: value.is_oper_up for name, value in held.items()}


def _holds(outlet: KeptOutlet, expected: dict[str, bool]) -> None:
    def probe() -> bool:
        assert _oper(outlet) == expected
        return True

    eventually(probe, within_s=_ENOUGH_S)


def test_snapshot_then_changes() -> None:
    """All is told once, then what changes and what is deleted; a link that fell is an incident."""
    target = GnmiTarget(tree({"e0": "UP", "e1": "UP", "e2": "UP"}))
    with serving(target) as port, _subscribed(port) as (outlet, _):
        _holds(outlet, {"e0": True, "e1": True, "e2": True})
        target.set(_OPER.format("e0"), "DOWN")
        target.delete("/interfaces/interface[name=e1]")
        _holds(outlet, {"e0": False, "e2": True})

    assert [(i.what, i.subject) for i in outlet.incidents] == [(IncidentKind.LINK_DOWN, "e0")]
    assert outlet.refused == []
    assert {sample.epoch for sample in outlet.samples} == {7}


def test_counters_are_sampled() -> None:
    """Each interval gives one block of counters an interface."""
    target = GnmiTarget(tree({"e0": "UP"}))

    def blocks() -> int:
        return sum(sample.encoding == "counters" for sample in outlet.samples)

    with serving(target) as port, _subscribed(port) as (outlet, _):
        eventually(lambda: target.listeners, within_s=_ENOUGH_S)
        target.sample()
        eventually(lambda: blocks() >= 1, within_s=_ENOUGH_S)
        before = blocks()
        target.sample()
        eventually(lambda: blocks() > before, within_s=_ENOUGH_S)


def test_broken_stream_begins_anew() -> None:
    """After a break everything is told again; what went away meanwhile is gone."""
    target = GnmiTarget(tree({"e0": "UP", "e1": "UP"}))
    with serving(target) as port, _subscribed(port) as (outlet, source):
        _holds(outlet, {"e0": True, "e1": True})
        target.leaves = tree({"e0": "DOWN"})
        target.hang_up()
        _holds(outlet, {"e0": False})
        assert source.restarts["r1"] >= 2

    phases = [patch.phase for patch in outlet.patches("r1", Stream.INTERFACE)]
    assert phases.count("begin") == phases.count("end") == 2


def test_quiet_target_is_vouched_for() -> None:
    """A stream that stands and says nothing still holds."""
    target = GnmiTarget(tree({"e0": "UP"}))
    with serving(target) as port, _subscribed(port) as (outlet, _):
        _holds(outlet, {"e0": True})
        eventually(lambda: len(outlet.patches("r1", Stream.INTERFACE)) >= 5, within_s=_ENOUGH_S)

    last = outlet.patches("r1", Stream.INTERFACE)[-1]
    assert (last.phase, last.upserts, last.deletes) == ("change", (), ())


def test_target_that_is_away_is_waited_for() -> None:
    """Nobody answers, which is no error; once somebody does, he is heard."""
    target = GnmiTarget(tree({"e0": "UP"}))
    with ExitStack() as stack:
        with serving(GnmiTarget()) as port:
            pass
        outlet, source = stack.enter_context(_subscribed(port))
        assert source.restarts["r1"] == 0
        stack.enter_context(serving(target, port=port))
        _holds(outlet, {"e0": True})


def test_nothing_but_whole_snapshots_is_asked_for() -> None:
    """A stream, each path in its mode; `updates_only` is never set."""
    target = GnmiTarget(tree({"e0": "UP"}))
    with serving(target) as port, _subscribed(port) as (outlet, _):
        _holds(outlet, {"e0": True})

    (wish,) = target.requests[:1]
    assert not wish.updates_only
    assert {each.mode for each in wish.subscription} == {1, 2}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, the target's certificate, ours, and a stranger's."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    (folder / "password").write_text("well-kept\n")
    (folder / "wrong").write_text("guessed\n")
    return folder


def _tls(folder: Path, *, mutual: bool = False) -> Tls:
    return Tls(
        key=(folder / "server.key").read_bytes(),
        certificate=(folder / "server.pem").read_bytes(),
        clients_authority=(folder / "ca.pem").read_bytes() if mutual else None,
    )


def test_password_over_tls(certificates: Path) -> None:
    """A target that is vouched for is told who we are, and tells its state."""
    target = GnmiTarget(tree({"e0": "UP"}), user=("shadow", "well-kept"))
    security = GnmiSecurity(
        ca_file=certificates / "ca.pem",
        username="shadow",
        password_file=certificates / "password",
    )
    with (
        serving(target, tls=_tls(certificates)) as port,
        _subscribed(port, security) as (outlet, _),
    ):
        _holds(outlet, {"e0": True})


def test_mutual_tls(certificates: Path) -> None:
    """A target that asks for a certificate is shown ours."""
    target = GnmiTarget(tree({"e0": "UP"}))
    security = GnmiSecurity(
        ca_file=certificates / "ca.pem",
        certificate_file=certificates / "client.pem",
        key_file=certificates / "client.key",
    )
    with (
        serving(target, tls=_tls(certificates, mutual=True)) as port,
        _subscribed(port, security) as (outlet, _),
    ):
        _holds(outlet, {"e0": True})


@pytest.mark.parametrize(
    "lacking",
    [
        {"ca_file": "stranger.pem", "password_file": "password", "username": "shadow"},
        {"ca_file": "ca.pem", "password_file": "wrong", "username": "shadow"},
        {"ca_file": "ca.pem"},
    ],
    ids=["a stranger vouches", "wrong password", "no password"],
)
def test_nobody_is_heard_who_is_not_trusted(certificates: Path, lacking: dict[str, str]) -> None:
    """Without trust on both sides nothing is told, and it is tried again."""
    target = GnmiTarget(tree({"e0": "UP"}), user=("shadow", "well-kept"))
    security = GnmiSecurity.model_validate(
        {
            name: value if name == "username" else certificates / value
            for name, value in lacking.items()
        }
    )
    with (
        serving(target, tls=_tls(certificates)) as port,
        _subscribed(port, security) as (outlet, source),
    ):
        eventually(lambda: source.failures["r1"] >= 2, within_s=_ENOUGH_S)

    assert outlet.samples == []
    assert target.requests == []
