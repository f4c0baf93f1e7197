"""Proposes routing policy against a failed drill, has it proven, renders it with its way back.

hook.py         where a policy attaches on a router, read from its running configuration
render.py       a generation of FS-* objects as configuration text, with its inverse
lint.py         the safety rules the rendered text must keep
candidates.py   which prefixes could move, estimated for every subset
waves.py        the chosen set in growing parts
proposal.py     one failed drill on its way to a proven candidate
app.py          the `policy` process
"""
