"""What ingest costs: `python -m benchmarks.ingest [--json] [--only NAME ...] [--large]`.

Interface rows and gNMI updates a core decodes, the whole path through a real broker to the applied
state, bytes on the bus against full state, and memory over time. `--large` adds the 30 minutes of
memory. What is per core is of the processor's time; the rest is of the clock on the wall.
"""

from functools import partial

from benchmarks import _report as report
from benchmarks._bus_bytes import abilene_bytes, leaf_bytes
from benchmarks._deadband_error import deadband_error
from benchmarks._gnmi_speed import gnmi_updates
from benchmarks._ingest_memory import memory_flat, memory_flat_30_min
from benchmarks._ingest_path import rate_path, state_path
from benchmarks._row_speed import rows_per_core

MEASUREMENTS: tuple[report.Measurement, ...] = (
    rows_per_core,
    gnmi_updates,
    abilene_bytes,
    deadband_error,
    leaf_bytes,
    state_path,
    rate_path,
    memory_flat,
)

main = partial(report.run, "Ingest", MEASUREMENTS, large=(memory_flat_30_min,))

if __name__ == "__main__":
    main()
