"""Certificates for servers that only talk to each other: mutual TLS on 127.0.0.1.

SeaweedFS is four services, and only one of them, S3, asks for keys. The others list, write and
delete for whoever reaches their ports, every local user and every web page in a browser included.
With these certificates they answer nobody but each other.
"""

from __future__ import annotations

import ipaddress
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from montage_pipeline.local.embedded.process import write_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, CertificateBuilder, Name

_VALID = timedelta(days=3650)
"""They are made anew at every start, so this only has to outlast a server that is never stopped."""

_CLOCK_SKEW = timedelta(days=1)
"""A clock that is set back must not turn a fresh certificate into one of the future."""


def write_certificates(folder: Path) -> None:
    """Write `ca.crt`, `node.crt` and `node.key` for this start; nobody else may read them.

    The authority's key is not kept: nothing that is signed later will ever be believed.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    authority_key, node_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _authority(authority_key)
    node = _node(node_key, authority, authority_key)

    pem = serialization.Encoding.PEM
    private = node_key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for name, content in {
        "ca.crt": authority.public_bytes(pem),
        "node.crt": node.public_bytes(pem),
        "node.key": private,
    }.items():
        write_private(folder / name, content.decode())


def security_toml(folder: Path) -> str:
    """SeaweedFS's `security.toml` that makes each of its services demand these certificates."""

    def quoted(name: str) -> str:
        return json.dumps(str(folder / name))  # TOML's basic strings are JSON's.

    ca = f"ca = {quoted('ca.crt')}\n"
    pair = f"cert = {quoted('node.crt')}\nkey = {quoted('node.key')}\n"
    grpc = "".join(
        f"[grpc.{name}]\n{pair}" for name in ("master", "volume", "filer", "s3", "client")
    )
    https = "".join(f"[https.{name}]\n{ca}{pair}" for name in ("master", "volume", "filer"))
    return f"[grpc]\n{ca}{grpc}{https}[https.client]\nenabled = true\n{ca}{pair}"


def _authority(key: EllipticCurvePrivateKey) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    name = _name("montage: authority of one start")
    builder = _builder(name, name, key).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    return builder.sign(key, hashes.SHA256())


def _node(
    key: EllipticCurvePrivateKey, authority: Certificate, authority_key: EllipticCurvePrivateKey
) -> Certificate:
    """The certificate that every service shows, as server and as client."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    builder = (
        _builder(_name("montage: object store"), authority.subject, key)
        .add_extension(x509.SubjectAlternativeName([loopback]), critical=False)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
    )
    return builder.sign(authority_key, hashes.SHA256())


def _name(common_name: str) -> Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(subject: Name, issuer: Name, key: EllipticCurvePrivateKey) -> CertificateBuilder:
    from cryptography import x509

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _VALID)
    )
