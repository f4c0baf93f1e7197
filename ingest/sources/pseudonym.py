"""Passwords in configurations: none leaves the agent, and yet the shadow's sessions come up.

Each secret is replaced by a pseudonym, the same one wherever the same secret stands, so that two
routers that share a password share its pseudonym. It is 8 characters, as many as an OSPF key may
have, and too few of a hash to tell which secret it came from.

A secret goes on to the end of its line, because FRR takes spaces in some.

Known limit: a peer's border router in the shadow has no password, so an eBGP session with one does
not come up there.
"""

import hashlib
import re

_SECRETS = re.compile(
    r"^(\s*(?:"
    r"neighbor \S+ password"
    r"|ip ospf (?:\S+ )?authentication-key"
    r"|ip ospf message-digest-key \d+ md5"
    r"|area \S+ virtual-link \S+ (?:authentication-key|message-digest-key \d+ md5)"
    r"|key-string"
    r"|(?:enable )?password(?: 8)?"
    r"|(?:isis|area-|domain-)\s?password (?:clear|md5)"
    r"|ip rip authentication string"
    r")) (\S.*)",
    re.MULTILINE,
)


def without_secrets(config: str) -> str:
    r"""The configuration with every secret replaced by its pseudonym.

    Example:
        >>> without_secrets("router bgp 1\n neighbor 10.0.0.1 password swordfish\n")
        'router bgp 1\n neighbor 10.0.0.1 password fseef949\n'
    """
    return _SECRETS.sub(lambda found: f"{found[1]} {_pseudonym(found[2])}", config)


def _pseudonym(secret: str) -> str:
    return "fs" + hashlib.sha256(b"foreshadow " + secret.encode()).hexdigest()[:6]
