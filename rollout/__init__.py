"""Carries one proven candidate through waves onto production, or back.

The only room that can configure a production device. What may happen next is decided by pure
functions (`machine`, `gates`, `preconditions`, `recovery`); `controller` carries it out, writing
each intent into the `journal` before the device call it announces. Entry point: `app.run_rollout`.
"""
