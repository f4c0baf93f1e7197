"""The processes of the house: one module a process, one `serve` in each.

Each imports its own room only, so that a process loads what it uses: river and pandas cost seconds
and a hundred megabytes.
"""
