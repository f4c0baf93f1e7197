"""The copy of production: the mirror of its state, the emulated routers kept level with it, and what is measured in them.

Entry points: `shadow.app` (the process), `shadow.emulation` (labs).
"""
