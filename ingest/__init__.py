"""Telemetry in, ordered differential state out.

`sources` read production and put whole readings on the bus, `normalize` says them in our words,
`differential` takes what changed and numbers it, `owner` keeps what was published, `app` is the
process.
"""
