"""Whether lines are in force, told from a running configuration as FRR prints it."""

import pytest

from foreshadow.errors import ConfigError
from rollout.devices.attachment import defines, generation_names, mentions, missing
from tests.unit.rollout.triangle import change

RUNNING = """
frr version 8.4.4
hostname EAST
!
router bgp 65001
 neighbor 10.253.0.3 remote-as 65010
 !
 address-family ipv4 unicast
  network 10.1.0.0/16
  neighbor 10.253.0.3 route-map OPER-IN in
 exit-address-family
exit
!
route-map OPER-IN permit 10
 set local-preference 100
exit
!
end
"""
FLIPPED = RUNNING.replace("OPER-IN in", "FS-in-10.253.0.3-g1 in").replace(
    "end\n", change().stage + "end\n"
)


def test_old_policy_is_in_force_before_the_flip() -> None:
    """Its revert is, its flip is not."""
    assert missing(RUNNING, change().revert) == ()
    assert missing(RUNNING, change().flip) == (
        (
            "router bgp 65001 / address-family ipv4 unicast / "
            "neighbor 10.253.0.3 route-map FS-in-10.253.0.3-g1 in"
        ),
    )


def test_new_policy_is_in_force_after_the_flip() -> None:
    """Stage and flip are, the revert is not."""
    assert missing(FLIPPED, change().stage + change().flip) == ()
    assert missing(FLIPPED, change().revert) != ()


def test_line_counts_in_its_own_section_only() -> None:
    """The same words elsewhere are another line."""
    assert missing(RUNNING, "router bgp 65001\n neighbor 10.253.0.3 route-map OPER-IN in\n") != ()


def test_withdrawn_line_is_in_force_where_it_is_absent() -> None:
    """`no X` also where X would have had more words."""
    denied = "router bgp 65001\n address-family ipv4 unicast\n  no neighbor 10.253.0.3 route-map\n"

    assert missing(RUNNING, denied) != ()
    assert missing(RUNNING, denied.replace("10.253.0.3", "10.253.0.9")) == ()


def test_comments_and_blank_lines_ask_for_nothing() -> None:
    """Only statements can be missing."""
    assert missing(RUNNING, "!\n\nhostname EAST\n") == ()


def test_generation_in_use_is_told_from_one_that_only_exists() -> None:
    """Its own definition is no use of it."""
    names = generation_names(change().stage)
    staged = RUNNING.replace("end\n", change().stage + "end\n")

    assert names == {"FS-in-10.253.0.3-g1"}
    assert defines(staged, names)
    assert not defines(RUNNING, names)
    assert mentions(staged, names) == ()
    assert len(mentions(FLIPPED, names)) == 1


@pytest.mark.parametrize("stage", ["route-map OPER-IN permit 10\nexit\n", "hostname WEST\n"])
def test_stage_makes_our_own_objects_and_no_other(stage: str) -> None:
    """A stage that touches the operator's objects, or makes nothing, is refused."""
    with pytest.raises(ConfigError, match="FS-"):
        generation_names(stage)
