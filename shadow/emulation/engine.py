"""The container engine, through its own interface: containers made, found, told and removed.

By default it is the engine that `make setup-containerlab` starts, with its own socket, data and no
bridge, so that an engine which is already there notices nothing.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.types import LogConfig
from requests.exceptions import RequestException

from foreshadow.errors import EmulationFailed, EnvironmentUnfit
from shadow.emulation.engine_socket import OWN_ENGINE, is_there

IMAGE = "foreshadow/frr:10"
LABEL = "foreshadow.lab"
"""On each container of ours, with `<run>-<lab>` as its value."""

_SETUP = "run `make setup-containerlab`"
_ANSWERS_WITHIN_S = 60
_CONNECTIONS = 32
_POLL_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPlan:
    """A container that is to be.

    Attributes:
        name: What it is called.
        hostname: What it calls itself.
        image: From what it is made.
        binds: `HOST:CONTAINER[:ro]` each.
        environment: Variables its first process starts with.
        command: What runs in it; the image's own where empty.
        entrypoint: What starts the command; the image's own where None.
        user: Whom it runs as; the image's own where None.
        sysctls: Kernel settings of its own network.
        labels: Its labels; one of ours has `LABEL` among them.
    """

    name: str
    hostname: str
    image: str
    binds: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    user: str | None = None
    sysctls: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


class Engine:
    """One container engine; may be used from several threads."""

    def __init__(self, url: str = OWN_ENGINE) -> None:
        """Connect.

        Args:
            url: Where it listens, `unix:///...`.

        Raises:
            EnvironmentUnfit: Nothing answers there.
        """
        self.url = url
        lack = f"no container engine answers at {url}; {_SETUP}, or set FORESHADOW_SHADOW__ENGINE"
        if not is_there(url):  # The client would leave its socket open.
            raise EnvironmentUnfit(lack)
        try:
            self._api = docker.APIClient(
                base_url=url, timeout=_ANSWERS_WITHIN_S, num_pools=_CONNECTIONS, version="auto"
            )
        except (DockerException, RequestException) as error:
            raise EnvironmentUnfit(lack) from error

    def version(self) -> str:
        """What it says it is.

        Raises:
            EmulationFailed: It does not answer any more.
        """
        with _answering(self.url):
            version: str = self._api.version()["Version"]
        return version

    def has_image(self, image: str) -> bool:
        """Whether an image is there; it is never fetched.

        Raises:
            EmulationFailed: The engine does not answer any more.
        """
        with _answering(self.url):
            return bool(self._api.images(name=image))

    def run(self, plan: ContainerPlan) -> None:
        """Start a privileged container with no network but `lo`.

        Raises:
            EmulationFailed: The engine refused.
        """
        try:
            made = self._api.create_container(
                image=plan.image,
                name=plan.name,
                hostname=plan.hostname,
                command=list(plan.command) or None,
                entrypoint=None if plan.entrypoint is None else list(plan.entrypoint),
                user=plan.user,
                environment=dict(plan.environment),
                labels=dict(plan.labels),
                host_config=self._host_config(plan),
            )
            self._api.start(made["Id"])
        except (APIError, RequestException) as error:
            raise EmulationFailed(f"no container {plan.name}: {_words(error)}") from error

    def pid(self, name: str) -> int:
        """The process id, on this host, of a container's first process.

        Raises:
            EmulationFailed: There is no such container, or it does not run.
        """
        state = self._inspect(name)["State"]
        if not state["Running"]:
            raise EmulationFailed(
                f"the container {name} ended with {state['ExitCode']}: {self._last_words(name)}"
            )
        pid: int = state["Pid"]
        return pid

    def execute(self, name: str, command: Sequence[str]) -> str:
        """What a command prints in a container, once it has ended.

        Raises:
            EmulationFailed: It failed, or could not be started.
        """
        try:
            made = self._api.exec_create(name, list(command))
            said: bytes = self._api.exec_start(made["Id"])
            code = self._api.exec_inspect(made["Id"])["ExitCode"]
        except (APIError, RequestException) as error:
            raise EmulationFailed(f"{name}: {command[0]}: {_words(error)}") from error
        text = said.decode(errors="replace")
        if code != 0:
            raise EmulationFailed(f"{name}: {' '.join(command)} ended with {code}: {text.strip()}")
        return text

    def carry_out(self, name: str, command: Sequence[str]) -> int:
        """With what a command ended in a container; nobody listens to it, and it may leave others.

        Listening would take two seconds more: the engine waits that long for whatever a command
        that has ended left in the background.

        Raises:
            EmulationFailed: It could not be started, or does not end.
        """
        deadline = time.monotonic() + _ANSWERS_WITHIN_S
        try:
            made = self._api.exec_create(name, list(command), stdout=False, stderr=False)
            self._api.exec_start(made["Id"], detach=True)
            while time.monotonic() < deadline:
                code: int | None = self._api.exec_inspect(made["Id"])["ExitCode"]
                if code is not None:
                    return code
                time.sleep(_POLL_S)
        except (APIError, RequestException) as error:
            raise EmulationFailed(f"{name}: {command[0]}: {_words(error)}") from error
        raise EmulationFailed(f"{name}: {command[0]} does not end")

    def names(self, prefix: str) -> tuple[str, ...]:
        """Our containers, running or not, whose name begins so; sorted.

        Raises:
            EmulationFailed: The engine does not answer any more.
        """
        with _answering(self.url):
            listed = self._api.containers(all=True, filters={"label": LABEL})
        found = (name.removeprefix("/") for it in listed for name in it["Names"])
        return tuple(sorted(name for name in found if name.startswith(prefix)))

    def remove(self, name: str) -> None:
        """End a container at once and take it away; nothing happens if there is none.

        Raises:
            EmulationFailed: The engine refused.
        """
        try:
            self._api.remove_container(name, force=True, v=True)
        except NotFound:
            return
        except (APIError, RequestException) as error:
            raise EmulationFailed(f"the container {name} stays: {_words(error)}") from error

    def close(self) -> None:
        """Hang up."""
        self._api.close()

    def _host_config(self, plan: ContainerPlan) -> Any:
        return self._api.create_host_config(
            binds=list(plan.binds),
            network_mode="none",
            privileged=True,
            sysctls=dict(plan.sysctls) or None,
            log_config=LogConfig(type=LogConfig.types.JSON, config={"max-size": "1m"}),
        )

    def _inspect(self, name: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._api.inspect_container(name)
        except NotFound as error:
            raise EmulationFailed(f"there is no container {name}") from error
        except (APIError, RequestException) as error:
            raise EmulationFailed(f"{name}: {_words(error)}") from error
        return found

    def _last_words(self, name: str) -> str:
        with _answering(self.url):
            said: bytes = self._api.logs(name, tail=5)
        return " ".join(said.decode(errors="replace").split()) or "it said nothing"


def remove_containers(prefix: str, *, url: str = OWN_ENGINE) -> tuple[str, ...]:
    """Remove every container of ours whose name begins so, whoever made it; returns their names.

    Raises:
        EmulationFailed: The engine refused.
        EnvironmentUnfit: It does not answer.
    """
    engine = Engine(url)
    try:
        found = engine.names(prefix)
        for name in found:
            engine.remove(name)
    finally:
        engine.close()
    return found


@contextmanager
def _answering(url: str) -> Iterator[None]:
    """What the engine is asked within the block fails in a sentence of ours."""
    try:
        yield
    except (APIError, RequestException) as error:
        raise EmulationFailed(f"the container engine at {url}: {_words(error)}") from error


def _words(error: Exception) -> str:
    explanation = getattr(error, "explanation", None)
    return str(explanation or error)
