"""Which sources an operator has, from one YAML file: `FORESHADOW_INGEST__SOURCES_FILE`.

Every kind of source has its configuration beside its code: a pydantic model with its own `kind` and
a method `open` that makes the source of it. This module only puts them together.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from foreshadow.document import parse_document, refusal
from foreshadow.errors import ConfigError
from ingest.source import Ground, Source
from ingest.sources.bmp import BmpConfig
from ingest.sources.flow_capture import FlowCaptureConfig
from ingest.sources.flow_listener import FlowListenerConfig
from ingest.sources.frr import FrrAgentConfig
from ingest.sources.gnmi_direct import GnmiConfig
from ingest.sources.record_file import RecordFileConfig
from ingest.sources.record_topic import RecordTopicConfig
from ingest.sources.snmp import SnmpConfig
from ingest.sources.syslog import SyslogConfig

SourceConfig = Annotated[
    BmpConfig
    | FlowCaptureConfig
    | FlowListenerConfig
    | FrrAgentConfig
    | GnmiConfig
    | RecordFileConfig
    | RecordTopicConfig
    | SnmpConfig
    | SyslogConfig,
    Field(discriminator="kind"),
]
"""A new kind of source joins here."""


class SourceFile(BaseModel):
    """The sources of one ingest process."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: Literal[1]
    sources: tuple[SourceConfig, ...] = Field(min_length=1)

    def open(self, ground: Ground) -> tuple[Source, ...]:
        """The sources, none of them running yet.

        Raises:
            ConfigError: One cannot be: names it and the field.
        """
        return tuple(source.open(ground) for source in self.sources)


def parse_sources(text: str, *, path: Path) -> SourceFile:
    """The sources a file lists.

    Raises:
        ConfigError: Names file, line, column, field and what was expected.
    """
    return parse_document(text, SourceFile, path=path)


def open_sources(text: str, ground: Ground, *, path: Path) -> tuple[Source, ...]:
    """The sources a file lists, none of them running yet.

    Raises:
        ConfigError: One cannot be; names file, line and kind, what is wrong and the remedy.
    """
    opened: list[Source] = []
    for number, source in enumerate(parse_sources(text, path=path).sources):
        try:
            opened.append(source.open(ground))
        except ConfigError as error:
            reason = f"{source.kind}: {error}"
            raise refusal(text, ("sources", number), reason, path=path) from error
    return tuple(opened)


def read_sources(path: Path) -> SourceFile:
    """The sources the file at `path` lists; whether each can be is seen when they are opened.

    Raises:
        ConfigError: Names file, line, column, field and what was expected.
    """
    return parse_sources(source_text(path), path=path)


def source_text(path: Path) -> str:
    """What stands in a file of sources.

    Raises:
        ConfigError: It cannot be read, or is not text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {error.strerror}; correct FORESHADOW_INGEST__SOURCES_FILE", path=path
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not text: {error}", path=path) from error
