"""Open files: a large lab needs more of them than a shell usually allows its children."""

import resource

from foreshadow.errors import EnvironmentUnfit

_OTHERS = 512
"""What a process has open besides."""


def allow_descriptors(needed: int) -> None:
    """Let this process have so many descriptors beside its own, if the host does.

    Raises:
        EnvironmentUnfit: The hard limit is lower.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = needed + _OTHERS
    if resource.RLIM_INFINITY != hard < wanted:
        raise EnvironmentUnfit(
            f"a lab of this size needs {wanted} open files and this host allows {hard}; "
            f"raise the limit with `ulimit -Hn {wanted}`"
        )
    if resource.RLIM_INFINITY != soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
