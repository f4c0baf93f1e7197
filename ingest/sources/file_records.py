"""Records in a file: lines, or JSON documents one after the other, however many lines they take.

Documents are told apart by their brackets alone, so that a damaged one comes out as it is, to be
refused with its line, and the ones after it are read all the same.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from ingest.heard import LARGEST_INPUT_BYTES

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]')
_DEPTH = {b"{"[0]: 1, b"["[0]: 1, b"}"[0]: -1, b"]"[0]: -1}
_LONGEST_LINE = LARGEST_INPUT_BYTES + 1


class Document(NamedTuple):
    """One document of a file.

    Attributes:
        raw: Its text; longer than `LARGEST_INPUT_BYTES` where it was cut for being so long.
        line: Where it begins, from 1.
    """

    raw: bytes
    line: int


def documents(file: BinaryIO) -> Iterator[Document]:
    """The documents of a file, damaged ones among them; holds one at a time.

    Raises:
        OSError: The file cannot be read on.
    """
    pending, begun, depth, number = bytearray(), 0, 0, 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        if depth > 0 and pending[:1] == b"{" and line[:1] == b"{" and _is_whole(line):
            # In a file of lines, one that was cut off must not swallow those after it.
            yield Document(bytes(pending).strip(), begun)
            pending, begun, depth = bytearray(), 0, 0
        if not pending and _is_plain(line):
            yield Document(line.strip(), number)
            continue
        start = 0
        for token in _TOKEN.finditer(line):
            step = _DEPTH.get(line[token.start()], 0)
            depth += step
            if step < 0 and depth <= 0:
                pending += line[start : token.end()]
                yield Document(bytes(pending).strip(), begun or number)
                pending, begun, depth, start = bytearray(), 0, 0, token.end()
        rest = line[start:] if pending else line[start:].lstrip()
        if rest.strip() and not begun:
            begun = number
        pending += rest
        if len(pending) > LARGEST_INPUT_BYTES or (depth == 0 and pending.strip()):
            # Too long, or not the beginning of anything: whoever decodes it says so.
            yield Document(bytes(pending[:_LONGEST_LINE]).strip(), begun)
            pending, begun, depth = bytearray(), 0, 0
    if pending.strip():
        yield Document(bytes(pending).strip(), begun)


def lines(file: BinaryIO) -> Iterator[Document]:
    """The lines of a file that have something in them; one that is too long is cut.

    Raises:
        OSError: The file cannot be read on.
    """
    number, is_rest = 0, False
    while line := file.readline(_LONGEST_LINE):
        number += not is_rest
        if line.strip() and not is_rest:
            yield Document(line, number)
        is_rest = not line.endswith(b"\n")


def whole(file: BinaryIO) -> Iterator[Document]:
    """The file as one record; one that is too long is cut.

    Raises:
        OSError: The file cannot be read.
    """
    yield Document(file.read(_LONGEST_LINE), 1)


def _is_plain(line: bytes) -> bool:
    """Whether a line is surely one document: most files have nothing else, and this is cheap."""
    return (
        line[:1] == b"{"
        and line.endswith((b"}\n", b"}\r\n"))
        and line.count(b"{") == line.count(b"}")
        and b"}{" not in line
        and b"} {" not in line
        and len(line) <= LARGEST_INPUT_BYTES
    )


def _is_whole(line: bytes) -> bool:
    return sum(_DEPTH.get(line[token.start()], 0) for token in _TOKEN.finditer(line)) == 0
