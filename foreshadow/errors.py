"""Every error Foreshadow raises on purpose.

ForeshadowError
├── ConfigError          the operator can fix it: file, line or field, and the remedy   (exit 2)
├── EnvironmentUnfit     the host lacks something: tool, right, port                    (exit 4)
├── TransientError       worth a retry
│   ├── BrokerUnreachable
│   ├── HistoryGone
│   ├── DeviceUnreachable
│   └── EmulationFailed
├── UnsafeRollout        refused on purpose
└── InvariantViolated    our bug: logged, re-raised, stops the process
"""

from pathlib import Path


class ForeshadowError(Exception):
    """Base of every error raised on purpose; its text says what to do next."""


class ConfigError(ForeshadowError):
    """A file, setting or argument is wrong, and the operator can mend it.

    Attributes:
        path: The file at fault, if it was one.
        line: 1-based line in it, if known.
        column: 1-based column in it, if known.
        field: Dotted name of the field at fault, if known.
    """

    def __init__(
        self,
        message: str,
        *,
        path: Path | None = None,
        line: int | None = None,
        column: int | None = None,
        field: str | None = None,
    ) -> None:
        """Join place and message the way compilers do: `file:line:column: field: message`."""
        self.path, self.line, self.column, self.field = path, line, column, field
        place = ":".join(str(part) for part in (path, line, column) if part is not None)
        super().__init__(": ".join(part for part in (place, field, message) if part))


class EnvironmentUnfit(ForeshadowError):
    """The host cannot run this yet; `foreshadow doctor` names the remedy."""


class TransientError(ForeshadowError):
    """Something outside failed that may work when tried again."""


class BrokerUnreachable(TransientError):
    """Kafka does not answer."""


class HistoryGone(TransientError):
    """What follows a saved position has left the topic, or was never on it: begin anew."""


class DeviceUnreachable(TransientError):
    """A router does not answer, or hung up in the middle."""

    def __init__(self, message: str, *, device: str) -> None:
        """Keep the device's name beside the message."""
        self.device = device
        super().__init__(f"{device}: {message}")


class EmulationFailed(TransientError):
    """A lab did not come up, converge or come down as asked."""


class UnsafeRollout(ForeshadowError):
    """The change is refused: it breaks a safety rule or a cap."""


class InvariantViolated(ForeshadowError):
    """Something that cannot happen did: our bug."""
