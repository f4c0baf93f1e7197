"""Load forecasts and spike warnings, online.

The way of one demand matrix: `watch` says which loads matter (links under failures, and demands),
`history` remembers them, `features` describes now, `model` and `mixture` predict how far the peak
of the next hours lies above now, `quantile` adds what the past errors say, and `alarm` decides what
is worth a warning. `forecaster` owns the state; `app` is the process.
"""
