"""Everything a person touches: the commands, the set-up, and what one run owns on a host.

Begin with `console.cli`. This is the composition root: here, and in each room's `app.py`, adapters
meet the core.
"""
