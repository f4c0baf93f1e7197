"""The vocabulary of Foreshadow: what a network, its state, its demand, a drill, a candidate and a rollout are.

No I/O lives here. Everything is a frozen value or a pure function, so every other room can share it.
Begin with `foreshadow.topology`, then `foreshadow.state` (what production is) and `foreshadow.walk` (what it carries).
"""
