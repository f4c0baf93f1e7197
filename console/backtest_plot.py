"""A backtest drawn: what came, what was expected, and the bound, in a PNG and in the terminal."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from forecast.backtest import Judged, coming_peaks
from foreshadow.errors import ConfigError

_SHOWN_DAYS = 7
_TERMINAL_ROWS = 18

Array = npt.NDArray[np.float64]


def _shown(judged: Judged) -> tuple[int, int, slice]:
    """The busiest series, the longest horizon, and the last days that were judged."""
    past = judged.past
    row = int(np.nanargmax(np.nan_to_num(np.nanmean(past.values, axis=0), nan=-1.0)))
    horizon = max(judged.medians)
    days = round(_SHOWN_DAYS * 86_400 / past.step.total_seconds())
    end = len(past.values) - horizon
    return row, horizon, slice(max(judged.warm_up, end - days), end)


def in_terminal(judged: Judged, *, width: int) -> str:
    """The busiest series over its last days, in characters."""
    import plotext  # type: ignore[import-untyped]  # noqa: PLC0415 - nobody else needs it

    row, horizon, days = _shown(judged)
    figure = plotext.figure
    figure.clear()
    figure.plot_size(width, _TERMINAL_ROWS)
    hours = (np.arange(days.stop - days.start) * judged.past.step.total_seconds() / 3600).tolist()
    for name, values in (
        ("came", coming_peaks(judged.past.values, horizon)),
        ("expected", judged.medians[horizon]),
        ("P95", judged.uppers[horizon]),
    ):
        line = np.nan_to_num(values[days, row]).tolist()
        signal = figure.signal(hours, line)
        signal.lines()
        signal.label(name)
        figure.draw(signal)
    figure.title(
        f"{judged.past.names[row]}: peak within {horizon * judged.past.step}, last days (h)"
    )
    return str(figure.build())


def write_png(judged: Judged, path: Path) -> None:
    """The same as a picture.

    Raises:
        ConfigError: It cannot be written.
    """
    import matplotlib as mpl  # noqa: PLC0415 - slow to load

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    row, horizon, days = _shown(judged)
    past = judged.past
    numbers = range(days.start, days.stop)
    times = np.asarray(
        [(past.start + n * past.step).replace(tzinfo=None) for n in numbers], dtype="datetime64[s]"
    )
    figure, axes = plt.subplots(figsize=(12, 5), layout="constrained")
    came = coming_peaks(past.values, horizon)[days, row]
    axes.fill_between(
        times,
        judged.medians[horizon][days, row],
        judged.uppers[horizon][days, row],
        alpha=0.25,
        label="expected to P95",
    )
    axes.plot(times, judged.medians[horizon][days, row], label="expected")
    axes.plot(times, came, color="black", linewidth=0.9, label="came")
    axes.plot(times, past.values[days, row], color="gray", linewidth=0.6, label="load")
    axes.set_title(f"{past.names[row]}: peak within {horizon * past.step}")
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left")
    figure.autofmt_xdate()
    try:
        figure.savefig(path, dpi=110)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be written: {error}", path=path) from error
    finally:
        plt.close(figure)
