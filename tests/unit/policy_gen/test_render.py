"""Rendered generations: reviewed as files, deterministic, each with its way back."""

import os
import subprocess
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshadow.topology import NodeId, Prefix
from policy_gen.hook import Hook
from policy_gen.lint import lint
from policy_gen.render import Generation, generations, render

HOOK = Hook(
    device=NodeId("NYCMng"),
    autonomous_system=65001,
    neighbor=IPv4Address("10.253.0.3"),
    attached="OPER-PEERNYC-IN",
    operator_map="OPER-PEERNYC-IN",
)
BARE = Hook(device=NodeId("NYCMng"), autonomous_system=65001, neighbor=IPv4Address("10.253.0.3"))
PREFIXES = tuple(Prefix(f"203.0.113.{start}/27") for start in (0, 32, 64))
CASES = {
    "first": generations(HOOK, [PREFIXES[:1]], local_preference=200)[0],
    "second": generations(HOOK, [PREFIXES[:1], PREFIXES], local_preference=200)[1],
    "no-operator-map": generations(BARE, [PREFIXES], local_preference=200)[0],
}
PARTS = ("stage", "flip", "revert", "gc", "clear")

prefixes = st.sets(
    st.integers(0, 2**16 - 1).map(lambda number: Prefix((0x0B000000 + (number << 8), 24))),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("case", CASES)
def test_rendered_text_is_the_golden_file(repository: Path, case: str, part: str) -> None:
    """Every byte that would reach a router is in a file that was reviewed."""
    golden = repository / "tests" / "golden" / "policy" / case / f"{part}.conf"
    if os.environ.get("FORESHADOW_GOLDEN") == "rewrite":
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(getattr(render(CASES[case]), part))

    assert getattr(render(CASES[case]), part) == golden.read_text()


@pytest.mark.netns
@pytest.mark.parametrize("case", CASES)
def test_golden_files_are_taken_by_frr(repository: Path, case: str) -> None:
    """FRR's own syntax check accepts every configuration file, one after the other."""
    folder = repository / "tests" / "golden" / "policy" / case
    for part in ("stage", "flip", "revert", "gc"):
        checked = subprocess.run(
            ["vtysh", "-C", "-f", str(folder / f"{part}.conf")], capture_output=True, check=False
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr


@given(prefixes, st.randoms())
def test_order_of_prefixes_does_not_matter(chosen: set[Prefix], shuffler: object) -> None:
    """The same set gives the same bytes, and so the same identity."""
    listed = sorted(chosen)
    shuffled = listed.copy()
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined] # st.randoms() gives a random.Random

    one = render(_generation(tuple(listed)))
    other = render(_generation(tuple(shuffled)))

    assert one == other
    assert one.sha256 == other.sha256


@given(st.lists(prefixes, min_size=1, max_size=5))
def test_every_generation_goes_back_to_the_one_before(sets: list[set[Prefix]]) -> None:
    """Reverting the newest first leads, step by step, to the operator's own line."""
    made = [render(g) for g in generations(HOOK, map(tuple, sets), local_preference=200)]
    attached = ["OPER-PEERNYC-IN", *(_attached(change.flip) for change in made)]

    assert [_attached(change.revert) for change in made] == attached[:-1]
    assert len(set(attached)) == len(attached)


@given(st.lists(prefixes, min_size=1, max_size=4))
def test_whatever_is_rendered_keeps_the_rules(sets: list[set[Prefix]]) -> None:
    """No generation of ours breaks a rule that is checked on its text."""
    known = {"OPER-PEERNYC-IN"}
    for generation in generations(HOOK, map(tuple, sets), local_preference=200):
        assert lint(render(generation), known_maps=known, protected=()) == ()
        known.add(generation.name)


def _generation(chosen: tuple[Prefix, ...]) -> Generation:
    return Generation(
        hook=HOOK, number=1, previous=HOOK.attached, local_preference=200, prefixes=chosen
    )


def _attached(text: str) -> str:
    line = next(line for line in text.splitlines() if " route-map " in line)
    return line.split()[-2]
