"""Shortest paths with ECMP under failures, of which only what changes is worked out.

Every set of exits that a prefix may have is one destination. Per destination the base state keeps
each router's distance, its number of next hops and the traffic through it. When links fail:

1. A destination is concerned only if a failed link is on one of its shortest paths.
2. From the failed links up, routers lose next hops. One that keeps some has another split, and no
   other distance. One that loses all has another distance: these few are `far`.
3. Dijkstra among the far ones alone, seeded from their neighbors that are not.
4. What the routers with another split sent is taken off the old paths, upstream first, and then
   released along the new ones. Only routers downstream of a change are touched.

BGP's choice among several exits is part of the distance: a path's length counts first, the rank of
the exit's router id second, in one integer (length * routers + rank). So the nearest exit, and of
two equally near the one with the lower router id, is the shortest path to a destination that has
several sources, and hot potato routing is worked out like any other. Which exits count is found
first: only those with the network's highest local preference (RFC 4271 section 9.1.1), and of these
only the ones that a route reflector passes on (RFC 4456). A destination whose exits change under a
failure is worked out anew.

All of it is in one file because numba looks at a function's own file only to see whether the code
it has kept is still good.
"""

import numpy as np
import numpy.typing as npt

from scenarios.failures.arrays import (
    FAR,
    Base,
    Findings,
    Flags,
    Floats,
    Ints,
    Longs,
    Offer,
    Scratch,
    Trial,
    Ways,
    Wiring,
)
from scenarios.failures.compiling import compiled, inlined

_LOWEST_BIT = np.zeros(64, dtype=np.int64)
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
for _bit in range(64):
    _LOWEST_BIT[(((1 << _bit) * 0x03F79D71B4CB0A89) >> 58) & 63] = _bit


@compiled
def scratch(routers: int, arcs: int, matrices: int) -> Scratch:
    """Room for one thread."""
    return Scratch(
        np.full(routers, -1, np.int32),
        np.zeros(routers, np.bool_),
        np.zeros(routers, np.bool_),
        np.empty(routers, np.int64),
        np.empty(routers, np.int32),
        np.empty(routers, np.int32),
        np.empty(routers, np.int32),
        np.zeros((routers, matrices)),
        np.zeros((routers, matrices)),
        np.zeros(matrices),
        np.zeros(routers // 64 + 1, np.uint64),
        np.empty(routers + arcs + 1, np.int64),
        np.empty(routers + arcs + 1, np.int32),
        np.empty(arcs, np.int32),
    )


@compiled
def _push(keys: Longs, items: Ints, size: int, key: np.int64, item: int) -> int:
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if keys[parent] <= key:
            break
        keys[at], items[at] = keys[parent], items[parent]
        at = parent
    keys[at], items[at] = key, item
    return size + 1


@compiled
def _pop(keys: Longs, items: Ints, size: int) -> int:
    """Take the smallest off; it is at `keys[size - 1]`, `items[size - 1]` then."""
    last = size - 1
    top_key, top_item = keys[0], items[0]
    key, item = keys[last], items[last]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= last:
            break
        if child + 1 < last and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[at], items[at] = keys[child], items[child]
        at = child
    keys[at], items[at] = key, item
    keys[last], items[last] = top_key, top_item
    return last


@compiled
def islands(wiring: Wiring, broken: Flags, island: Ints, queue: Ints) -> int:
    """Number the islands the routers fall into; returns how many there are."""
    island[:] = -1
    count = 0
    for first in range(len(island)):
        if island[first] >= 0:
            continue
        island[first] = count
        queue[0] = first
        begin, end = 0, 1
        while begin < end:
            node = queue[begin]
            begin += 1
            for arc in range(wiring.out_begin[node], wiring.out_begin[node + 1]):
                head = wiring.head[arc]
                if not broken[arc] and island[head] < 0:
                    island[head] = count
                    queue[end] = head
                    end += 1
        count += 1
    return count


@compiled
def choose(
    target: int,
    ways: Ways,
    is_cut: Flags,
    island: Ints,
    probed: Longs,
    best: Ints,
    is_source: Flags,
    is_end: Flags,
) -> None:
    """Which ways of one destination paths lead to, and at which traffic leaves (per way)."""
    begin, end = ways.begin[target], ways.begin[target + 1]
    for way in range(begin, end):
        best[island[ways.router[way]]] = 2147483647
    for way in range(begin, end):
        if ways.link[way] < 0 or not is_cut[ways.link[way]]:
            at = island[ways.router[way]]
            best[at] = min(best[at], ways.preference[way])
    for way in range(begin, end):
        is_alive = ways.link[way] < 0 or not is_cut[ways.link[way]]
        is_best = ways.preference[way] == best[island[ways.router[way]]]
        is_end[way] = is_alive and is_best
        is_source[way] = is_end[way] and len(ways.reflectors) == 0
    if len(ways.reflectors) == 0:
        return
    for number in range(len(ways.reflectors)):
        at = island[ways.reflectors[number]]
        nearest, nearest_way = FAR, -1
        for way in range(begin, end):
            if is_end[way] and island[ways.router[way]] == at:
                # One way alone is the choice wherever it is; nobody measures the distance to it.
                distance = np.int64(0) if end - begin == 1 else probed[ways.probe[way], number]
                if distance < nearest:
                    nearest, nearest_way = distance, way
        if nearest_way >= 0:
            is_source[nearest_way] = True
    # An island without reflector: nobody is told of anything, each keeps what it has itself.
    for way in range(begin, end):
        at = island[ways.router[way]]
        has_reflector = False
        for reflector in ways.reflectors:
            has_reflector = has_reflector or island[reflector] == at
        if not has_reflector:
            is_end[way] = ways.link[way] < 0 or not is_cut[ways.link[way]]


@compiled
def _measure(
    target: int,
    wiring: Wiring,
    ways: Ways,
    is_source: Flags,
    broken: Flags,
    work: Scratch,
    distance: Longs,
    order: Ints,
    hops: Ints,
) -> None:
    """Distances, their order and next hops of one destination, from nothing."""
    routers = len(distance)
    distance[:] = FAR
    size = 0
    for way in range(ways.begin[target], ways.begin[target + 1]):
        if is_source[way]:
            node = ways.router[way]
            distance[node] = wiring.rank[node]
            size = _push(work.heap_key, work.heap_item, size, distance[node], node)
    work.is_done[:] = False
    place = routers
    while size > 0:
        size = _pop(work.heap_key, work.heap_item, size)
        node = work.heap_item[size]
        if work.is_done[node]:
            continue
        work.is_done[node] = True
        place -= 1
        order[place] = node
        for at in range(wiring.in_begin[node], wiring.in_begin[node + 1]):
            arc = wiring.in_arc[at]
            tail = wiring.tail[arc]
            longer = distance[node] + wiring.weight[arc]
            if not broken[arc] and longer < distance[tail]:
                distance[tail] = longer
                size = _push(work.heap_key, work.heap_item, size, longer, tail)
    for node in range(routers):
        if not work.is_done[node]:
            place -= 1
            order[place] = node
        work.is_done[node] = False
        hops[node] = 0
        if distance[node] < FAR:
            for arc in range(wiring.out_begin[node], wiring.out_begin[node + 1]):
                if (
                    not broken[arc]
                    and distance[node] == wiring.weight[arc] + distance[wiring.head[arc]]
                ):
                    hops[node] += 1


@compiled
def _carry(
    wiring: Wiring,
    broken: Flags,
    distance: Longs,
    order: Ints,
    hops: Ints,
    ends: Flags,
    through: Floats,
    lost: Floats,
    loads: Floats,
    sign: float,
) -> None:
    """Let what enters in `through` run to where it ends; adds to loads and lost."""
    matrices = through.shape[1]
    for node in order:
        if ends[node]:
            continue
        if distance[node] >= FAR:
            for column in range(matrices):
                lost[column] += sign * through[node, column]
            continue
        share = 1.0 / hops[node]
        for arc in range(wiring.out_begin[node], wiring.out_begin[node + 1]):
            head = wiring.head[arc]
            if not broken[arc] and distance[node] == wiring.weight[arc] + distance[head]:
                for column in range(matrices):
                    flow = through[node, column] * share
                    through[head, column] += flow
                    loads[arc, column] += sign * flow


@compiled
def _enter(target: int, offer: Offer, through: Floats) -> None:
    through[:] = 0.0
    for entry in range(offer.begin[target], offer.begin[target + 1]):
        for column in range(through.shape[1]):
            through[offer.router[entry], column] += offer.rate[entry, column]


@compiled
def _keep(
    target: int, wiring: Wiring, base: Base, distance: Longs, hops: Ints, ends: Flags
) -> None:
    """Write one destination's routing into the base."""
    size = 0
    for place in range(len(hops)):
        base.cell[target, base.order[target, place]].place = place
    for node in range(len(hops)):
        cell = base.cell[target, node]
        cell.distance, cell.hops, cell.first, cell.is_end = (
            distance[node],
            hops[node],
            size,
            ends[node],
        )
        if hops[node] == 0:
            continue
        for arc in range(wiring.out_begin[node], wiring.out_begin[node + 1]):
            if distance[node] == wiring.weight[arc] + distance[wiring.head[arc]]:
                base.next_arc[target, size] = arc
                size += 1
                base.uses[arc, target >> 6] |= np.uint64(1) << np.uint64(target & 63)


@compiled
def _recall(target: int, base: Base, distance: Longs, hops: Ints, ends: Flags) -> None:
    """Read one destination's routing out of the base."""
    for node in range(len(hops)):
        cell = base.cell[target, node]
        distance[node], hops[node], ends[node] = cell.distance, cell.hops, cell.is_end != 0


@compiled
def route_all(wiring: Wiring, ways: Ways, is_cut: Flags, base: Base, work: Scratch) -> None:
    """Fill in the base's routing: everything but the traffic.

    A probe has a lower number than the destinations whose choice hangs on it.
    """
    targets, routers = base.cell.shape
    broken = np.zeros(len(wiring.tail), np.bool_)
    best = np.empty(routers, np.int32)
    distance, hops = np.empty(routers, np.int64), np.empty(routers, np.int32)
    ends = np.empty(routers, np.bool_)
    islands(wiring, broken, base.island, work.far)
    for target in range(targets):
        choose(target, ways, is_cut, base.island, base.probed, best, base.is_source, base.is_end)
        _measure(
            target,
            wiring,
            ways,
            base.is_source,
            broken,
            work,
            distance,
            base.order[target],
            hops,
        )
        ends[:] = False
        for way in range(ways.begin[target], ways.begin[target + 1]):
            ends[ways.router[way]] |= base.is_end[way]
        _keep(target, wiring, base, distance, hops, ends)
        for number in range(len(ways.reflectors)):
            base.probed[target, number] = distance[ways.reflectors[number]]


@compiled
def carry_all(wiring: Wiring, offer: Offer, base: Base) -> None:
    """Fill in the base's traffic."""
    targets, routers = base.cell.shape
    broken = np.zeros(len(wiring.tail), np.bool_)
    distance, hops = np.empty(routers, np.int64), np.empty(routers, np.int32)
    ends = np.empty(routers, np.bool_)
    base.loads[:] = 0.0
    base.lost[:] = 0.0
    for target in range(targets):
        _recall(target, base, distance, hops, ends)
        _enter(target, offer, base.through[target])
        _carry(
            wiring,
            broken,
            distance,
            base.order[target],
            hops,
            ends,
            base.through[target],
            base.lost[target],
            base.loads,
            1.0,
        )


@inlined
def _mark(bits: npt.NDArray[np.uint64], place: int) -> int:
    word = place >> 6
    bits[word] |= np.uint64(1) << np.uint64(place & 63)
    return word


@inlined
def _first(bits: npt.NDArray[np.uint64], word: int) -> int:
    """The lowest place marked from `word` on; -1 for none."""
    while word < len(bits):
        value = bits[word]
        if value:
            lowest = value & (~value + np.uint64(1))
            return int((word << 6) + _LOWEST_BIT[(lowest * _DE_BRUIJN) >> np.uint64(58)])
        word += 1
    return -1


@inlined
def _unravel(
    target: int,
    case: int,
    wiring: Wiring,
    base: Base,
    trial: Trial,
    work: Scratch,
) -> tuple[int, int]:
    """Find the routers with another split and, of these, the ones with another distance."""
    cells = base.cell
    tails, heads, weights = wiring.tail, wiring.head, wiring.weight
    in_begin, in_arcs = wiring.in_begin, wiring.in_arc
    left, is_far, changed, far = work.left, work.is_far, work.changed, work.far
    n_changed, n_far, done = 0, 0, -1
    broken, cut = trial.broken, trial.cut
    at, end = trial.cut_begin[case], trial.cut_begin[case + 1]
    while True:
        # First the failed arcs, then those that lead to a router that has lost all its next hops.
        if at == end:
            done += 1
            if done == n_far:
                break
            at, end = in_begin[far[done]], in_begin[far[done] + 1]
            continue
        arc = cut[at] if done < 0 else in_arcs[at]
        at += 1
        if done >= 0 and broken[case, arc]:
            continue
        tail = tails[arc]
        distance = cells[target, tail].distance
        if distance >= FAR or distance != weights[arc] + cells[target, heads[arc]].distance:
            continue
        if left[tail] < 0:
            left[tail] = cells[target, tail].hops
            changed[n_changed] = tail
            n_changed += 1
        left[tail] -= 1
        if left[tail] == 0:
            is_far[tail] = True
            far[n_far] = tail
            n_far += 1
    return n_changed, n_far


@inlined
def _resettle(
    target: int, case: int, wiring: Wiring, base: Base, trial: Trial, n_far: int, work: Scratch
) -> int:
    """New distances of the far routers; returns how many of them can still be reached."""
    broken, cells, fresh = trial.broken, base.cell, work.distance
    tails, heads, weights = wiring.tail, wiring.head, wiring.weight
    out_begin, in_begin, in_arcs = wiring.out_begin, wiring.in_begin, wiring.in_arc
    is_far, is_done, far, settled = work.is_far, work.is_done, work.far, work.settled
    heap_key, heap_item = work.heap_key, work.heap_item
    size, n_settled = 0, 0
    for number in range(n_far):
        node = far[number]
        nearest = FAR
        for arc in range(out_begin[node], out_begin[node + 1]):
            head = heads[arc]
            if not broken[case, arc] and not is_far[head]:
                distance = cells[target, head].distance
                nearest = min(nearest, weights[arc] + distance if distance < FAR else FAR)
        fresh[node] = nearest
        if nearest < FAR:
            size = _push(heap_key, heap_item, size, nearest, node)
    while size > 0:
        size = _pop(heap_key, heap_item, size)
        node = heap_item[size]
        if is_done[node]:
            continue
        is_done[node] = True
        settled[n_settled] = node
        n_settled += 1
        for at in range(in_begin[node], in_begin[node + 1]):
            arc = in_arcs[at]
            tail = tails[arc]
            longer = fresh[node] + weights[arc]
            if not broken[case, arc] and is_far[tail] and longer < fresh[tail]:
                fresh[tail] = longer
                size = _push(heap_key, heap_item, size, longer, tail)
    return n_settled


@inlined
def _take_off(
    target: int,
    case: int,
    wiring: Wiring,
    base: Base,
    trial: Trial,
    n_changed: int,
    work: Scratch,
) -> None:
    """Take what routers with another split sent off the old paths; they keep it in `kept`."""
    heads, next_arcs = wiring.head, base.next_arc
    cells, order, through = base.cell, base.order, base.through
    left, changed, flow, kept, out = work.left, work.changed, work.flow, work.kept, work.out
    bits, loads = work.bits, trial.loads
    matrices = loads.shape[2]
    word = len(bits)
    for number in range(n_changed):
        word = min(word, _mark(bits, cells[target, changed[number]].place))
    while True:
        at = _first(bits, word)
        if at < 0:
            break
        word = at >> 6
        bits[word] ^= np.uint64(1) << np.uint64(at & 63)
        node = order[target, at]
        cell = cells[target, node]
        if cell.is_end:
            for column in range(matrices):
                flow[node, column] = 0.0
            continue
        count, begin = cell.hops, cell.first
        share = 1.0 / count
        for column in range(matrices):
            sent = flow[node, column]
            flow[node, column] = 0.0
            if left[node] >= 0:
                kept[node, column] = through[target, node, column] - sent
                sent = through[target, node, column]
            out[column] = sent * share
        for number in range(begin, begin + count):
            arc = next_arcs[target, number]
            head = heads[arc]
            for column in range(matrices):
                loads[case, arc, column] -= out[column]
                flow[head, column] += out[column]
            _mark(bits, cells[target, head].place)


@inlined
def _release(
    target: int,
    case: int,
    wiring: Wiring,
    base: Base,
    trial: Trial,
    n_changed: int,
    n_settled: int,
    work: Scratch,
) -> None:
    """Send what was kept along the new paths, the farthest router first."""
    heads, weights, out_begin = wiring.head, wiring.weight, wiring.out_begin
    cells, order, next_arcs = base.cell, base.order, base.next_arc
    is_far, is_done, changed, settled = work.is_far, work.is_done, work.changed, work.settled
    fresh, flow, kept, out, bits = work.distance, work.flow, work.kept, work.out, work.bits
    chosen, broken, loads = work.next_arc, trial.broken, trial.loads
    matrices = loads.shape[2]
    word = len(bits)
    for number in range(n_changed):
        node = changed[number]
        if cells[target, node].is_end or (is_far[node] and not is_done[node]):
            continue
        for column in range(matrices):
            flow[node, column] = kept[node, column]
        if not is_far[node]:
            word = min(word, _mark(bits, cells[target, node].place))
    at = _first(bits, word)
    while at >= 0 or n_settled > 0:
        count = 0
        if n_settled > 0 and (
            at < 0 or fresh[settled[n_settled - 1]] >= cells[target, order[target, at]].distance
        ):
            n_settled -= 1
            node = settled[n_settled]
            for arc in range(out_begin[node], out_begin[node + 1]):
                head = heads[arc]
                there = fresh[head] if is_far[head] else cells[target, head].distance
                if not broken[case, arc] and fresh[node] == weights[arc] + there:
                    chosen[count] = arc
                    count += 1
        else:
            word = at >> 6
            bits[word] ^= np.uint64(1) << np.uint64(at & 63)
            node = order[target, at]
            begin = cells[target, node].first
            for number in range(begin, begin + cells[target, node].hops):
                arc = next_arcs[target, number]
                if not broken[case, arc] and not is_far[heads[arc]]:
                    chosen[count] = arc
                    count += 1
        is_end = cells[target, node].is_end
        share = 0.0 if is_end else 1.0 / count
        for column in range(matrices):
            out[column] = flow[node, column] * share
            flow[node, column] = 0.0
        if is_end:
            count = 0
        for number in range(count):
            arc = chosen[number]
            head = heads[arc]
            for column in range(matrices):
                loads[case, arc, column] += out[column]
                flow[head, column] += out[column]
            if not is_far[head]:
                # What a far router sends may enter before the place looked at last.
                word = min(word, _mark(bits, cells[target, head].place))
        at = _first(bits, word)


@inlined
def _shift(
    target: int,
    case: int,
    wiring: Wiring,
    ways: Ways,
    base: Base,
    trial: Trial,
    work: Scratch,
) -> None:
    """Move the traffic of one destination whose exits stay, from the base to the failure."""
    n_changed, n_far = _unravel(target, case, wiring, base, trial, work)
    if n_changed == 0:
        return
    n_settled = _resettle(target, case, wiring, base, trial, n_far, work)
    _take_off(target, case, wiring, base, trial, n_changed, work)
    _release(target, case, wiring, base, trial, n_changed, n_settled, work)
    changed, is_far, is_done, left = work.changed, work.is_far, work.is_done, work.left
    kept, fresh, lost, probed = work.kept, work.distance, trial.lost, trial.probed
    for number in range(len(ways.reflectors)):
        if is_far[ways.reflectors[number]]:
            probed[case, target, number] = fresh[ways.reflectors[number]]
    for number in range(n_changed):
        node = changed[number]
        if is_far[node] and not is_done[node] and not base.cell[target, node].is_end:
            for column in range(trial.loads.shape[2]):
                lost[case, column] += kept[node, column]
        left[node] = -1
        is_far[node] = False
        is_done[node] = False


@compiled
def _reroute(
    target: int,
    case: int,
    wiring: Wiring,
    ways: Ways,
    offer: Offer,
    base: Base,
    trial: Trial,
    is_source: Flags,
    is_end: Flags,
    work: Scratch,
) -> None:
    """Move the traffic of one destination whose exits change: off the base, and on from nothing."""
    routers, matrices = work.flow.shape
    none = np.zeros(len(wiring.tail), np.bool_)
    broken, loads, lost = trial.broken[case], trial.loads[case], trial.lost[case]
    through = np.empty((routers, matrices))
    distance, order = np.empty(routers, np.int64), np.empty(routers, np.int32)
    hops, ends = np.empty(routers, np.int32), np.empty(routers, np.bool_)
    _recall(target, base, distance, hops, ends)
    _enter(target, offer, through)
    _carry(wiring, none, distance, base.order[target], hops, ends, through, lost, loads, -1.0)
    ends[:] = False
    for way in range(ways.begin[target], ways.begin[target + 1]):
        ends[ways.router[way]] |= is_end[way]
    _measure(target, wiring, ways, is_source, broken, work, distance, order, hops)
    _enter(target, offer, through)
    _carry(wiring, broken, distance, order, hops, ends, through, lost, loads, 1.0)


@compiled
def _trial(cases: int, links: int, wiring: Wiring, base: Base) -> Trial:
    """Room for some failures at once."""
    arcs, matrices = base.loads.shape
    targets, reflectors = base.probed.shape
    return Trial(
        np.empty((cases, arcs), np.bool_),
        np.empty((cases, links), np.bool_),
        np.empty(cases + 1, np.int32),
        np.empty(cases * arcs, np.int32),
        np.empty((cases, len(wiring.rank)), np.int32),
        np.empty((cases, targets, reflectors), np.int64),
        np.empty(cases, np.bool_),
        np.empty(cases, np.bool_),
        np.empty((cases, arcs, matrices)),
        np.empty((cases, matrices)),
    )


@compiled
def _begin(
    case: int,
    failed: Ints,
    wiring: Wiring,
    base: Base,
    is_down: Flags,
    lost: Floats,
    work: Scratch,
    trial: Trial,
) -> None:
    """Note one failure in its place: what is broken, and the base's loads to start from."""
    trial.loads[case] = base.loads
    trial.lost[case] = lost
    trial.broken[case] = False
    trial.is_cut[case] = is_down
    trial.loses_exit[case] = False
    trial.probed[case] = base.probed
    size = trial.cut_begin[case]
    for link in failed:
        if trial.is_cut[case, link]:
            continue
        trial.is_cut[case, link] = True
        first, end = wiring.link_begin[link], wiring.link_begin[link + 1]
        trial.loses_exit[case] |= first == end
        for at in range(first, end):
            trial.broken[case, wiring.link_arc[at]] = True
            trial.cut[size] = wiring.link_arc[at]
            size += 1
    trial.cut_begin[case + 1] = size
    whole = base.island.max() + 1
    trial.is_split[case] = islands(wiring, trial.broken[case], trial.island[case], work.far) > whole


@compiled
def _fail(
    cases: int,
    wiring: Wiring,
    ways: Ways,
    offer: Offer,
    base: Base,
    work: Scratch,
    trial: Trial,
) -> None:
    """Loads and loss of all the failures noted; destination by destination, as each is large.

    What is known of one destination stays in the processor's cache for all the failures.
    """
    best = np.empty(len(wiring.rank), np.int32)
    is_source, is_end = np.empty_like(base.is_source), np.empty_like(base.is_end)
    uses, cut, cut_begin = base.uses, trial.cut, trial.cut_begin
    for target in range(base.cell.shape[0]):
        begin, end = ways.begin[target], ways.begin[target + 1]
        may_choose = end - begin > 1 and len(ways.reflectors) > 0
        for case in range(cases):
            if may_choose or trial.is_split[case] or trial.loses_exit[case]:
                choose(
                    target,
                    ways,
                    trial.is_cut[case],
                    trial.island[case],
                    trial.probed[case],
                    best,
                    is_source,
                    is_end,
                )
                is_other = False
                for way in range(begin, end):
                    is_other |= is_source[way] != base.is_source[way]
                    is_other |= is_end[way] != base.is_end[way]
                if is_other:
                    _reroute(
                        target, case, wiring, ways, offer, base, trial, is_source, is_end, work
                    )
                    continue
            is_concerned = np.uint64(0)
            for number in range(cut_begin[case], cut_begin[case + 1]):
                is_concerned |= uses[cut[number], target >> 6] >> np.uint64(target & 63)
            if is_concerned & np.uint64(1):
                _shift(target, case, wiring, ways, base, trial, work)
    for case in range(cases):
        for number in range(cut_begin[case], cut_begin[case + 1]):
            trial.loads[case, cut[number], :] = 0.0


@compiled
def _judge(
    case: int,
    row: int,
    capacity: Floats,
    limit: float,
    negligible: Floats,
    sketch: Floats,
    trial: Trial,
    findings: Findings,
) -> None:
    """Put one failure's loads into a row of the findings."""
    arcs, matrices = len(capacity), len(negligible)
    for column in range(matrices):
        worst, worst_arc, over, mixed = 0.0, 0, 0.0, 0.0
        for arc in range(arcs):
            load = trial.loads[case, arc, column]
            if load < negligible[column]:
                continue
            ratio = load / capacity[arc] if capacity[arc] > 0 else np.inf
            if ratio > worst:
                worst, worst_arc = ratio, arc
            over += max(0.0, load - limit * capacity[arc])
            mixed += load * sketch[arc]
        lost = trial.lost[case, column]
        findings.lost[row, column] = lost if lost > negligible[column] else 0.0
        findings.over[row, column] = over
        findings.worst[row, column] = worst
        findings.worst_arc[row, column] = worst_arc
        findings.sketch[row, column] = mixed
    if len(findings.loads) > 0:
        findings.loads[row] = trial.loads[case]


@compiled
def survey(
    begin: Ints,
    failed: Ints,
    wiring: Wiring,
    ways: Ways,
    offer: Offer,
    base: Base,
    is_down: Flags,
    capacity: Floats,
    limit: float,
    negligible: Floats,
    sketch: Floats,
    at_once: int,
    findings: Findings,
) -> None:
    """Try sets of failed links and note what each does.

    Args:
        begin: Where each set begins among `failed`, and the end.
        failed: The links of all sets.
        wiring: The network.
        ways: Its exits.
        offer: Its demands.
        base: Its routing and traffic as it stands.
        is_down: Per link, whether it is down anyway.
        capacity: Per arc.
        limit: Load ratio above which traffic counts as too much.
        negligible: Per matrix, what counts as no traffic: the rounding of many sums.
        sketch: Random weights, one an arc; equal loads have equal weighted sums.
        at_once: How many sets are tried together; changes the time taken and nothing else.
        findings: Filled in.
    """
    arcs, matrices = base.loads.shape
    work = scratch(len(wiring.rank), arcs, matrices)
    trial = _trial(at_once, len(is_down), wiring, base)
    lost = np.zeros(matrices)
    for target in range(base.lost.shape[0]):
        lost += base.lost[target]
    trial.cut_begin[0] = 0
    for first in range(0, len(begin) - 1, at_once):
        cases = min(at_once, len(begin) - 1 - first)
        for case in range(cases):
            links = failed[begin[first + case] : begin[first + case + 1]]
            _begin(case, links, wiring, base, is_down, lost, work, trial)
        _fail(cases, wiring, ways, offer, base, work, trial)
        for case in range(cases):
            _judge(case, first + case, capacity, limit, negligible, sketch, trial, findings)
