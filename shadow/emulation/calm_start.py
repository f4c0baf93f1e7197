"""How many routers begin together without wearing each other out.

Two things make the start of a large lab slow, and neither is a property of the network:

* While a router's forwarding plane takes in more than 200 routes, FRR 8.4's zebra asks without
  pause whether there is room again: 200 routers on two cores spent 27 s of 31 in that loop.
* Every link-state packet that arrives starts a computation, and each of them moves routes that the
  next one moves again: with fast timers twice as many changes as there are routes.

So routers of a large lab begin with room for all routes and with a first computation that waits
until everybody has spoken. Once the tables are full they get what their configuration says, in
force and in their start-up files, so that nothing of this is left when anything is measured. IS-IS
keeps its timers: it waits for its neighbors by itself.
"""

from frr.configuration import Block, parse, render

CROWD = 50
"""Routers from which on a lab begins calmly; a smaller one is up before it would matter."""

_ROOM = "zebra dplane limit"
_MOST_ROUTES = 10_000
_SPF = "timers throttle spf"
_OSPF = "router ospf"
_HELLO_MS, _FLOODED_MS_PER_ROUTER = 1000, 8
_NEXT_MS = 300
_LONGEST_SPF_DELAY_MS = 600_000


def calmed(config: str, *, routers: int) -> str:
    """A configuration to begin with, in a lab of so many routers."""
    wait_ms = min(_HELLO_MS + routers * _FLOODED_MS_PER_ROUTER, _LONGEST_SPF_DELAY_MS)
    timers = f" {_SPF} {wait_ms} {_NEXT_MS} {wait_ms}"
    room = Block(header=f"{_ROOM} {_MOST_ROUTES}")
    kept = (block for block in parse(config) if not block.header.startswith(_ROOM))
    return render((room, *(_with_timers(block, timers) for block in kept)))


def back_to(config: str) -> str:
    """What to enter on a router that began calmly, for it to be as its configuration says."""
    blocks = parse(config)
    room = next((it.header for it in blocks if it.header.startswith(_ROOM)), f"no {_ROOM}")
    return render((Block(header=room), *(_timers_of(it) for it in blocks if _is_ospf(it))))


def _is_ospf(block: Block) -> bool:
    return block.header.startswith(_OSPF)


def _with_timers(block: Block, timers: str) -> Block:
    if not _is_ospf(block):
        return block
    others = tuple(line for line in block.body if not line.strip().startswith(_SPF))
    return Block(header=block.header, body=(*others, timers))


def _timers_of(block: Block) -> Block:
    own = (line for line in block.body if line.strip().startswith(_SPF))
    return Block(header=block.header, body=(next(own, f" no {_SPF}"),))
