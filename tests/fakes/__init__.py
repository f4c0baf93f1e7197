"""Hand-written doubles of ports, each held to its port's contract suite."""
