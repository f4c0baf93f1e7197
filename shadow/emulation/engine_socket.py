"""Where a container engine listens, known without loading its client: that alone takes 0.5 s."""

from pathlib import Path

OWN_ENGINE = "unix:///run/foreshadow-docker/docker.sock"
"""The one that `make setup-containerlab` starts, apart from any other on this host."""

_SCHEME = "unix://"


def is_there(url: str = OWN_ENGINE) -> bool:
    """Whether it may be asked at all: its socket is there. One elsewhere is taken at its word."""
    return not url.startswith(_SCHEME) or Path(url.removeprefix(_SCHEME)).is_socket()
