"""What the kernel works on: plain arrays, in named groups."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FAR = np.int64(1 << 62)
"""The distance of what cannot be reached."""


class Wiring(NamedTuple):
    """The routers and arcs (link directions), arcs in the order of their tails."""

    tail: Ints
    head: Ints
    weight: Longs
    """Metric times number of routers."""
    out_begin: Ints
    in_begin: Ints
    in_arc: Ints
    link_begin: Ints
    link_arc: Ints
    """The arcs of each link; none of an external one."""
    rank: Ints
    """Each router's place in the order of router ids."""


class Ways(NamedTuple):
    """The exits of every destination."""

    begin: Ints
    router: Ints
    preference: Ints
    """Lower is better."""
    link: Ints
    """The external link it hangs on; -1 for none."""
    probe: Ints
    """The destination that is this way's router alone; -1 where nobody needs it."""
    reflectors: Ints


class Offer(NamedTuple):
    """Who sends how much to which destination."""

    begin: Ints
    router: Ints
    rate: Floats
    """Shape (entries, matrices)."""


CELL = np.dtype(
    [
        ("distance", np.int64),
        ("place", np.int32),
        ("hops", np.int32),
        ("first", np.int32),
        ("is_end", np.int32),
    ]
)
"""What is known of one router and one destination, side by side: one trip to memory, not five.

`place` is the router's in the destination's `order`, `first` where its `hops` next hops begin in
`next_arc`, `is_end` whether traffic has arrived.
"""


class Base(NamedTuple):
    """The network without further failure; one row a destination."""

    cell: npt.NDArray[np.void]
    """Of `CELL`; shape (destinations, routers)."""
    next_arc: Ints
    """The arcs on shortest paths, router by router."""
    order: Ints
    """Routers from the farthest to the nearest."""
    uses: npt.NDArray[np.uint64]
    """Per arc, a bit for every destination it is on a shortest path to."""
    through: Floats
    """Shape (destinations, routers, matrices)."""
    lost: Floats
    """Shape (destinations, matrices)."""
    is_source: Flags
    """Per way: whether paths lead to it."""
    is_end: Flags
    """Per way: whether traffic that comes by leaves there."""
    probed: Longs
    """Distance of every reflector from every probe; shape (destinations, reflectors)."""
    island: Ints
    """Per router: the number of its island."""
    loads: Floats
    """Shape (arcs, matrices)."""


class Findings(NamedTuple):
    """What each failure does, one row a failure and one column a demand matrix."""

    lost: Floats
    over: Floats
    worst: Floats
    worst_arc: Ints
    sketch: Floats
    loads: Floats
    """Shape (failures, arcs, matrices), or (0, arcs, matrices) where nobody asks."""


class Trial(NamedTuple):
    """Some failures that are tried together, one row each."""

    broken: Flags
    """Shape (failures, arcs)."""
    is_cut: Flags
    """Shape (failures, links)."""
    cut_begin: Ints
    cut: Ints
    """The broken arcs, failure by failure."""
    island: Ints
    """Shape (failures, routers)."""
    probed: Longs
    """Shape (failures, destinations, reflectors)."""
    is_split: Flags
    """Whether there are more islands than without the failure."""
    loses_exit: Flags
    """Whether an external link is cut."""
    loads: Floats
    """Shape (failures, arcs, matrices)."""
    lost: Floats
    """Shape (failures, matrices)."""


class Scratch(NamedTuple):
    """Room to work in, clean between destinations."""

    left: Ints
    is_far: Flags
    is_done: Flags
    distance: Longs
    changed: Ints
    far: Ints
    settled: Ints
    flow: Floats
    kept: Floats
    out: Floats
    bits: npt.NDArray[np.uint64]
    heap_key: Longs
    heap_item: Ints
    next_arc: Ints
