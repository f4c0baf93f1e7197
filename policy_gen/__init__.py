"""Proposes routing policy against a failed drill, has it proven, renders it with its way back.

hook.py         where a policy attaches on a router, read from its running configuration
render.py       a generation of FS-* objects as configuration text, with its inverse
lint.py         the safety rules the rendered text must keep
candidates.py   which prefixes could move, estimated for every subset
waves.py        the chosen set in growing parts
proposal.py     all candidates against one failed drill, the best of them to be measured
trial.py        one of them before the bench
decision.py     what to ask next, and the proven candidate at the end
governance.py   who allows how much, and why
harmful.py      a change that lies about itself, for the demo's rollback
app.py          the `policy` process
"""
