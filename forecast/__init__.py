"""Load forecasts, chances of failure and spike warnings, online.

The way of one interval: `intake` puts it together of demand and counters (`measured`), `projected`
makes series of it for what is watched (`watch`), a `bank` remembers and predicts them (`history`,
`features`, `model`, `mixture`, `quantile`), and `judgement` holds what was said against what came.
Beside it `likelihood` follows what may fail. The `warner` prices what may be overloaded and decides
what is worth a warning (`ranking`, `alarm`). `forecaster` owns the state, `desk` publishes and
`memory` saves all of it; `app` is the process, and `backtest` judges the models on files.
"""
