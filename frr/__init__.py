"""How to talk to an FRR router on this host: its VTY sockets, its JSON, its network namespace.

Shared by `ingest` (which reads production) and `shadow` (which runs labs); see ADR 0001.
"""
