"""Topologies that others wrote down, read into one value; and that value made a network file.

Entry points: `reading.read_topology`, `network.network_of`. One module a format, each a `Reader`:
text in, `ImportedTopology` out, or a `ConfigError` that names the file, the line and what is wrong.
"""
