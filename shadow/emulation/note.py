"""What a lab leaves on disk so that another process can take it over after `kill -9` of its own.

`/var/run/frr/<run>-<lab>.lab/` holds the routers, the links and the hosting. Written when one of
them changes; what changes faster (carrier, silence, which daemon runs) is read from the kernel.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec

from foreshadow.codec import from_json, to_json
from foreshadow.errors import ConfigError
from frr.vty import RUN_DIR
from shadow.emulation.lab import LabLink, LabNode, LabSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class _Routers:
    kind: str
    nodes: tuple[LabNode, ...]


class LabNote:
    """The note of one lab."""

    def __init__(self, prefix: str) -> None:
        """Nothing is read or written yet.

        Args:
            prefix: `<run_id>-<lab>`.
        """
        self._prefix, self._directory = prefix, RUN_DIR / f"{prefix}.lab"

    def write_routers(self, kind: str, spec: LabSpec) -> None:
        """Note which hosting the lab has, and its routers."""
        self._write("routers.json", to_json(_Routers(kind=kind, nodes=spec.nodes)))

    def write_links(self, spec: LabSpec) -> None:
        """Note the lab's links and their shapes."""
        self._write("links.json", to_json(spec.links))

    def read(self) -> tuple[str, LabSpec]:
        """The hosting's kind and the lab as noted.

        Raises:
            ConfigError: There is no such lab, or its note cannot be read.
        """
        try:
            routers = from_json(self._path("routers.json").read_bytes(), _Routers)
            links = from_json(self._path("links.json").read_bytes(), tuple[LabLink, ...])
        except FileNotFoundError as error:
            raise ConfigError(f"there is no lab {self._prefix} to take over") from error
        except (OSError, msgspec.DecodeError) as error:
            raise ConfigError(
                f"the lab {self._prefix} cannot be taken over, its note is unreadable: {error}; "
                "remove it with `foreshadow clean`"
            ) from error
        return routers.kind, LabSpec(nodes=routers.nodes, links=links)

    def remove(self) -> None:
        """Take the note away; nothing happens if there is none."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def _write(self, name: str, content: bytes) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        beside = self._path(f"{name}.new")
        beside.write_bytes(content)
        beside.replace(self._path(name))

    def _path(self, name: str) -> Path:
        return self._directory / name
