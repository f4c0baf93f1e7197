"""Each safety rule finds the text that breaks it."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from foreshadow.experiment import DeviceChange
from foreshadow.topology import NodeId, Prefix
from policy_gen.hook import Hook
from policy_gen.lint import lint
from policy_gen.render import generations, render

HOOK = Hook(
    device=NodeId("NYCMng"),
    autonomous_system=65001,
    neighbor=IPv4Address("10.253.0.3"),
    attached="OPER",
    operator_map="OPER",
)
NAME = "FS-in-10.253.0.3-g1"
GOOD = render(generations(HOOK, [(Prefix("203.0.113.0/27"),)], local_preference=200)[0])


def _broken(part: str, old: str, new: str) -> DeviceChange:
    text = getattr(GOOD, part)
    assert old in text
    return replace(GOOD, **{part: text.replace(old, new)})


def _rules(change: DeviceChange) -> set[str]:
    found = lint(change, known_maps={"OPER"}, protected=(Prefix("10.255.0.1/32"),))
    return {finding.rule for finding in found}


def test_a_good_change_has_no_findings() -> None:
    """What the renderer makes passes."""
    assert _rules(GOOD) == set()


@pytest.mark.parametrize(
    ("rule", "part", "old", "new"),
    [
        ("S0", "stage", f"ip prefix-list {NAME}", "ip prefix-list OPER-OWN"),
        ("S0", "stage", f"route-map {NAME} permit 65535", "router bgp 65001"),
        ("S0", "flip", " exit-address-family", "  neighbor 10.253.0.9 route-map X in"),
        ("S1", "stage", f"route-map {NAME} permit 65535", f"route-map {NAME} deny 65535"),
        ("S1", "stage", f"route-map {NAME} permit 65535\nexit\n", ""),
        ("S1", "stage", f"ip prefix-list {NAME} seq 5 permit 203.0.113.0/27\n", ""),
        ("S1", "stage", "call OPER", "call NOBODY"),
        ("S1", "flip", f"{NAME} in", "FS-in-10.253.0.3-g2 in"),
        ("S2", "stage", "203.0.113.0/27", "0.0.0.0/0"),
        ("S2", "stage", "203.0.113.0/27", "203.0.113.0/27 le 32"),
        ("S2", "stage", "203.0.113.0/27", "10.255.0.0/24"),
        ("S6", "stage", "set local-preference 200", "set metric 5"),
        ("R", "revert", "OPER in", f"{NAME} in"),
        ("R", "revert", "OPER in", "GONE in"),
        ("R", "gc", f"no route-map {NAME}", "no route-map OPER"),
    ],
)
def test_a_broken_rule_is_found(rule: str, part: str, old: str, new: str) -> None:
    """One mistake in otherwise good text is named by its rule."""
    assert rule in _rules(_broken(part, old, new))


def test_too_many_prefixes_are_found() -> None:
    """The cap on prefixes holds whatever they are."""
    many = tuple(Prefix(f"198.51.{n}.0/24") for n in range(201))
    change = render(generations(HOOK, [many], local_preference=200)[0])

    assert _rules(change) == {"S6"}
