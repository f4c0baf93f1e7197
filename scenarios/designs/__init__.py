"""Other ways to route a network, put to the same drills and compared."""
