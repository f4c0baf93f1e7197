"""Names that people use, made names that a router may have: short, unique, letters and digits."""

import re
import unicodedata
from collections.abc import Iterable

from foreshadow.imported_topology import ImportedNode

_LONGEST = 12
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,11}")
_ASCII = {ord("ø"): "o", ord("Ø"): "O", ord("ß"): "ss", ord("æ"): "ae", ord("ł"): "l"}
_WORD = re.compile(r"[A-Za-z0-9]+")


def router_names(nodes: Iterable[ImportedNode]) -> dict[str, str]:
    """The name of each node's router, by node id.

    The id where that will do as it is, else made of the label, else of the id: accents dropped,
    words run together, cut to length. A name that is taken, whatever its case, gets the next free
    number in place of its last letters.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for node in nodes:
        is_fit = _NAME.fullmatch(node.id) is not None
        wanted = (is_fit and node.id) or _legal(node.label) or _legal(node.id) or "Router"
        name, number = wanted, 1
        while name.lower() in taken:
            number += 1
            name = wanted[: _LONGEST - len(str(number))] + str(number)
        taken.add(name.lower())
        names[node.id] = name
    return names


def network_name(name: str) -> str:
    """A network's name in lower case, words joined by hyphens."""
    words = _WORD.findall(_plain(name).lower())
    return "-".join(words)[:31].strip("-") or "network"


def _legal(text: str) -> str:
    words = _WORD.findall(_plain(text))
    joined = "".join(word if word[0].isupper() else word[0].upper() + word[1:] for word in words)
    if len(words) == 1:
        joined = words[0]
    if not joined:
        return ""
    if not joined[0].isalpha():
        joined = f"R{joined}"
    digits = re.search(r"\d+$", joined)
    # A number at the end tells routers of one city apart, so it outlives the cut.
    tail = digits[0][-4:] if digits and len(joined) > _LONGEST else ""
    return joined[: _LONGEST - len(tail)] + tail


def _plain(text: str) -> str:
    """Without accents: `Rønne` keeps its letters where ASCII has them."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_ASCII))
    return decomposed.encode("ascii", errors="ignore").decode()
