"""The vocabulary of Foreshadow: networks, their state, drills, candidates, rollouts.

No I/O lives here. Everything is a frozen value or a pure function, so every other room can share
it. Begin with `foreshadow.topology`, then `foreshadow.state` (what production is) and
`foreshadow.walk` (what it carries).
"""
