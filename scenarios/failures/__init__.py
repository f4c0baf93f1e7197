"""What thousands of failures would do to every link, worked out from the routing as it stands.

Entry points: `engine.FailureEngine` (any set of failed links, several demand matrices at once),
`cases` (which sets are worth a look), `ranking` (what each costs, equals merged).
`foreshadow.whatif` says the same one failure at a time, in networkx, and is what the engine is
tested against.
"""
