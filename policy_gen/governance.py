"""The governance file: who allows a change to move more traffic than the default cap, and why."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from foreshadow.candidate import Governance
from foreshadow.document import parse_document
from foreshadow.errors import ConfigError


class GovernanceFile(BaseModel):
    """The file, format version 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: Literal[1]
    moved_traffic_cap: float = Field(
        gt=0, le=1, description="share of all traffic whose exit one change may move"
    )
    raised_by: str = Field(min_length=1, description="the person who answers for it")
    reason: str = Field(min_length=1)


def read_governance(path: Path | None, *, default_cap: float) -> Governance:
    """What a change may move: the default, or what the operator's file says.

    Raises:
        ConfigError: The file cannot be read or is not what it should be; names line and field.
    """
    if path is None:
        return Governance(moved_traffic_cap=default_cap)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"cannot be read ({error.strerror}); name a governance file or leave it out", path=path
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not text: {error}", path=path) from error
    document = parse_document(text, GovernanceFile, path=path)
    return Governance(
        moved_traffic_cap=document.moved_traffic_cap,
        raised_by=document.raised_by,
        reason=document.reason,
    )
