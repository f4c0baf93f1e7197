"""A policy as configuration text: one generation of objects, the line that attaches it, and back.

The same generation always gives the same bytes: inputs are typed values, sorted; a name that is not
defined is an error.

A generation calls the operator's route-map first, for every prefix, and goes on (`on-match next`)
to raise the local preference of its own prefixes. A route-map entry of FRR runs its `set` lines
before its `call`, so a call and a set in *one* entry would leave the operator's value. What the
operator's map denies stays denied: a denied call denies the route.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from foreshadow.experiment import DeviceChange
from foreshadow.topology import Prefix
from policy_gen.hook import Hook

_TEMPLATES = Path(__file__).parent / "templates" / "frr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """What one generation says: prefer this neighbor for these prefixes.

    `previous` is the route-map its undo attaches again, None where none was attached.
    """

    hook: Hook
    number: int
    previous: str | None
    local_preference: int
    prefixes: tuple[Prefix, ...]

    @property
    def name(self) -> str:
        """Of its route-map and of its prefix-list."""
        return f"{self.hook.stem}{self.number}"


def generations(
    hook: Hook, steps: Iterable[tuple[Prefix, ...]], *, local_preference: int
) -> tuple[Generation, ...]:
    """Successive generations at one hook, each undone by going back to the one before it."""
    made: list[Generation] = []
    for number, prefixes in enumerate(steps, start=hook.generation + 1):
        made.append(
            Generation(
                hook=hook,
                number=number,
                previous=made[-1].name if made else hook.attached,
                local_preference=local_preference,
                prefixes=tuple(sorted(prefixes)),
            )
        )
    return tuple(made)


def render(generation: Generation) -> DeviceChange:
    """The generation as text for its device (FRR)."""
    hook = generation.hook
    values: dict[str, object] = {
        "name": generation.name,
        "prefixes": sorted(generation.prefixes),
        "local_preference": generation.local_preference,
        "operator_map": hook.operator_map,
        "previous": generation.previous,
        "neighbor": hook.neighbor,
        "autonomous_system": hook.autonomous_system,
    }
    return DeviceChange(
        device=hook.device,
        generation=generation.number,
        stage=_text("stage", values),
        flip=_text("flip", values),
        revert=_text("revert", values),
        gc=_text("gc", values),
        clear=f"clear bgp ipv4 unicast {hook.neighbor} soft in\n",
    )


def _text(part: str, values: dict[str, object]) -> str:
    return _environment().get_template(f"{part}.j2").render(values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - router configuration, not HTML; every input is a typed value.
    )
