"""Where a container engine listens, known without loading its client: that alone takes 0.5 s."""

import socket

OWN_ENGINE = "unix:///run/foreshadow-docker/docker.sock"
"""The one that `make setup-containerlab` starts, apart from any other on this host."""

_SCHEME = "unix://"


def is_there(url: str = OWN_ENGINE) -> bool:
    """Whether somebody listens; a socket that an engine left behind is none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as attempt:
        return attempt.connect_ex(url.removeprefix(_SCHEME)) == 0
