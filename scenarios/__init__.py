"""What may fail and what it would do: triage of failures, and drills on the bench.

Entry points: `drill.run_experiment` (one experiment, whole), `app` (the `drills` process).
"""
