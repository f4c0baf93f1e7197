"""One target's gNMI: a secured channel, its encodings, and a stream of responses."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from pygnmi.spec.v080 import gnmi_pb2
from pygnmi.spec.v080.gnmi_pb2_grpc import gNMIStub

from foreshadow.errors import ConfigError
from ingest.heard import LARGEST_INPUT_BYTES
from ingest.sources.gnmi_notification import parse_path
from ingest.sources.gnmi_subscription import GnmiPath, GnmiSecurity

_ANSWER_S = 10.0
_OPTIONS: tuple[tuple[str, str | int], ...] = (
    ("grpc.max_receive_message_length", LARGEST_INPUT_BYTES),
    # A device that was switched off answers no ping; without one its silence would look like peace.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.enable_http_proxy", 0),
)
_MODES = {
    "target-defined": gnmi_pb2.TARGET_DEFINED,
    "on-change": gnmi_pb2.ON_CHANGE,
    "sample": gnmi_pb2.SAMPLE,
}
_ENCODINGS = (gnmi_pb2.PROTO, gnmi_pb2.JSON_IETF, gnmi_pb2.JSON)
"""By preference: the first needs no second decoding."""

Metadata = tuple[tuple[str, str], ...]


@contextmanager
def opened(address: str, security: GnmiSecurity) -> Iterator[tuple[Any, Metadata]]:
    """A stub of a target and the metadata of every call.

    Raises:
        ConfigError: A file of the security settings cannot be read.
    """
    with _channel(address, security) as channel:
        yield gNMIStub(channel), credentials(security)


def check(security: GnmiSecurity) -> None:
    """See that every file of the security settings is there.

    Raises:
        ConfigError: One cannot be read; names it and the field.
    """
    for field in ("ca_file", "certificate_file", "key_file", "password_file"):
        _read(field, getattr(security, field))


def _channel(address: str, security: GnmiSecurity) -> Any:
    if security.plaintext:
        return grpc.insecure_channel(address, options=_OPTIONS)
    options = list(_OPTIONS)
    if security.server_name is not None:
        options.append(("grpc.ssl_target_name_override", security.server_name))
    trusted = grpc.ssl_channel_credentials(
        root_certificates=_read("ca_file", security.ca_file),
        private_key=_read("key_file", security.key_file),
        certificate_chain=_read("certificate_file", security.certificate_file),
    )
    return grpc.secure_channel(address, trusted, options=options)


def credentials(security: GnmiSecurity) -> Metadata:
    """User name and password as a target wants them: in the metadata of each call.

    Raises:
        ConfigError: The password's file cannot be read.
    """
    if not security.username:
        return ()
    password = security.password.get_secret_value() if security.password else ""
    stored = _read("password_file", security.password_file)
    if stored is not None:
        password = stored.decode(errors="replace").strip()
    return (("username", security.username), ("password", password))


def _read(field: str, path: Path | None) -> bytes | None:
    try:
        return None if path is None else path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {error.strerror}", path=path, field=f"security.{field}"
        ) from error


def subscribe(stub: Any, metadata: Metadata, paths: Sequence[GnmiPath], target: str) -> Any:
    """The call whose responses are what the target tells; cancel it to end.

    Raises:
        grpc.RpcError: The target does not answer.
    """
    answer = stub.Capabilities(gnmi_pb2.CapabilityRequest(), metadata=metadata, timeout=_ANSWER_S)
    known = set(answer.supported_encodings)
    encoding = next((each for each in _ENCODINGS if each in known), gnmi_pb2.JSON)
    return stub.Subscribe(iter([request(paths, target, encoding)]), metadata=metadata)


def request(paths: Sequence[GnmiPath], target: str, encoding: int) -> Any:
    """A subscription that tells everything first: `updates_only` is never set."""
    return gnmi_pb2.SubscribeRequest(
        subscribe=gnmi_pb2.SubscriptionList(
            prefix=gnmi_pb2.Path(target=target),
            mode=gnmi_pb2.SubscriptionList.STREAM,
            encoding=encoding,
            subscription=[_subscription(path) for path in paths],
        )
    )


def _subscription(wish: GnmiPath) -> Any:
    origin, colon, _ = wish.path.partition(":/")
    is_sample = wish.mode == "sample"
    return gnmi_pb2.Subscription(
        path=gnmi_pb2.Path(
            origin=origin if colon and "/" not in origin else "",
            elem=[
                gnmi_pb2.PathElem(name=step.name, key=step.key) for step in parse_path(wish.path)
            ],
        ),
        mode=_MODES[wish.mode],
        sample_interval=round(wish.sample_s * 1e9) if is_sample else 0,
        heartbeat_interval=round(wish.heartbeat_s * 1e9) if not is_sample else 0,
        suppress_redundant=is_sample and wish.suppress_redundant,
    )
