"""The copy of production: the mirror of its state, the emulated routers, what is measured there.

Entry points: `shadow.app` (the process), `shadow.emulation` (labs).
"""
