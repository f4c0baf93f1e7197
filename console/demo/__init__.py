"""The reference drill: the whole loop once, on emulated production, with real parts.

`director` runs it, `observer` listens to the bus, `judgement` decides which stages held, `assembly`
writes the report.
"""
