"""Where telemetry comes from: router agents, flow exporters, measured traffic matrices."""
