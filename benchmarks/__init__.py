"""What Foreshadow promises in numbers, measured: `python -m benchmarks.NAME [--json]`."""
