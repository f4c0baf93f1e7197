"""Production as the demo has it: a lab whose routers are reached over SSH, as real ones are.

Beside the lab it gives what an operator would have: an inventory file, a client key, known hosts.
"""

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

import yaml

from foreshadow.inventory import DeviceEntry, InventoryFile
from foreshadow.topology import NodeId
from shadow.emulation.emulator import BringUp
from shadow.emulation.lab import LabSpec
from shadow.emulation.netns import NetnsLab
from shadow.emulation.rtnetlink import AnyPrefix
from shadow.emulation.ssh import ADDRESS, PORT, SshServer, key_pair, write_secret

_SSH_WITHIN_S = 20.0


class ProductionLab(NetnsLab):
    """A lab with an SSH server on each router of ours and an inventory of them."""

    def __init__(
        self, spec: LabSpec, *, run_id: str, network: str, directory: Path, name: str = "prod"
    ) -> None:
        """Describe it; nothing is made yet.

        Args:
            spec: What to build.
            run_id: See `NetnsLab`.
            network: The network's name, for the inventory.
            directory: For keys, server configurations and the inventory; removed with the lab.
            name: The lab's own name within the run.
        """
        super().__init__(spec, run_id=run_id, name=name)
        self._network, self._directory = network, directory.resolve()
        self._servers: dict[NodeId, SshServer] = {}

    @property
    def inventory(self) -> Path:
        """The inventory file, there once the lab is up."""
        return self._directory / "inventory.yaml"

    def up(
        self, *, within_s: float, expected: Mapping[NodeId, Collection[AnyPrefix]] | None = None
    ) -> BringUp:
        """Start the lab, its SSH servers, and write the inventory (see `Emulator`)."""
        brought_up = super().up(within_s=within_s, expected=expected)
        try:
            for server in self._servers.values():
                server.await_listening(within_s=_SSH_WITHIN_S)
        except BaseException:
            self.down()
            raise
        return brought_up

    def down(self) -> None:
        """Remove everything, the files too; safe to call at any time and twice."""
        for server in self._servers.values():
            server.stop()
        self._servers.clear()
        super().down()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _start(self, *, within_s: float) -> None:
        super()._start(within_s=within_s)
        # The servers start while the routers converge.
        self._directory.mkdir(parents=True, exist_ok=True)
        client = key_pair()
        write_secret(self._client_key, client.private)
        for node in self.spec.nodes:
            if not node.is_external:
                server = SshServer(self.pathspace(node.id), self._directory / node.id)
                self._servers[node.id] = server
                server.start(client.public)
                (self._directory / node.id / "state").mkdir(exist_ok=True)
        self._write_inventory()

    def _write_inventory(self) -> None:
        inventory = InventoryFile(
            version=1,
            network=self._network,
            devices=tuple(self._entry(node, server) for node, server in self._servers.items()),
        )
        text = yaml.safe_dump(inventory.model_dump(mode="json"), sort_keys=False)
        self.inventory.write_text(text)

    def _entry(self, node: NodeId, server: SshServer) -> DeviceEntry:
        return DeviceEntry(
            name=node,
            address=ADDRESS,
            port=PORT,
            ssh_key=self._client_key,
            known_hosts=server.known_hosts,
            namespace=self.pathspace(node),
            pathspace=self.pathspace(node),
            state_dir=str(server.directory / "state"),
        )

    @property
    def _client_key(self) -> Path:
        return self._directory / "client_key"
