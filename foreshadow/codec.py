"""JSON for values: msgspec with the address types it does not know."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_ADDRESS_TYPES = (IPv4Address, IPv4Interface, IPv4Network)


def enc_hook(value: Any) -> Any:
    """How msgspec writes what it does not know: addresses and prefixes as text."""
    if isinstance(value, _ADDRESS_TYPES):
        return str(value)
    raise NotImplementedError(f"no wire form for {type(value).__name__}")


def dec_hook(wanted: type, raw: Any) -> Any:
    """How msgspec reads addresses and prefixes."""
    if wanted in _ADDRESS_TYPES:
        if not isinstance(raw, str):
            raise ValueError(f"{wanted.__name__} is written as text")
        return _address(wanted, raw)
    raise NotImplementedError(f"no wire form for {wanted.__name__}")


@lru_cache(maxsize=1 << 17)
def _address(wanted: type, text: str) -> Any:
    """The same few addresses come again and again: parsing one costs as much as all the rest."""
    return wanted(text)


_encoder = msgspec.json.Encoder(enc_hook=enc_hook)


def to_json(value: Any) -> bytes:
    """Any value of the vocabulary as JSON; equal values give equal bytes."""
    return _encoder.encode(value)


def from_json(raw: bytes | str, wanted: type[T]) -> T:
    """The value that `to_json` wrote.

    Raises:
        msgspec.DecodeError: Not JSON.
        msgspec.ValidationError: JSON of another shape.
    """
    try:
        return msgspec.json.decode(raw, type=wanted, dec_hook=dec_hook)
    except RecursionError as error:
        raise msgspec.DecodeError("nested too deeply") from error


def to_plain(value: Any) -> Any:
    """Dicts, lists and numbers: for reports and event payloads."""
    return msgspec.to_builtins(value, enc_hook=enc_hook, str_keys=True)
