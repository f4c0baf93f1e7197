"""Emulated networks: FRR routers in network namespaces, described as a value and run for real.

Entry points: `design.design` (network file -> what to build), `lab.Emulator` (the port),
`netns.NetnsLab` (the adapter), `production.ProductionLab` (a lab reached over SSH as a real network
is), `cleanup.remove_run`.
"""
