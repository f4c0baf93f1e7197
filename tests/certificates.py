"""Certificates for a test: an authority, what it vouches for, and a stranger."""

from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from foreshadow.clock import SystemClock


def make_certificates(directory: Path) -> None:
    """Write `ca`, `server` (for 127.0.0.1), `client` and `stranger` as `.pem`, with their keys."""
    for authority, names in (("ca", ("server", "client")), ("stranger", ())):
        key = ec.generate_private_key(ec.SECP256R1())
        own = _certificate(authority, key, authority, key)
        _write(directory / f"{authority}.pem", own)
        for name in names:
            its_key = ec.generate_private_key(ec.SECP256R1())
            certificate = _certificate(name, its_key, authority, key)
            _write(directory / f"{name}.pem", certificate)
            pem = its_key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            (directory / f"{name}.key").write_bytes(pem)
            both = pem + certificate.public_bytes(serialization.Encoding.PEM)
            (directory / f"{name}.both").write_bytes(both)


def _write(path: Path, certificate: x509.Certificate) -> None:
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    now = SystemClock().now()
    loopback = x509.IPAddress(IPv4Address("127.0.0.1"))
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([loopback]), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
