"""Who may join: a private authority, made once, signs the one certificate that all computers of a cluster carry."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from desktop.errors import UserError
from desktop.paths import atomic_write, config_dir, make_folder

VALID_DAYS = 3650
_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----\n[^-]*\n-----END \1-----\n")
_FILE_LIMIT = 64 << 10
NEEDED = "Install Reprise with its cluster extra: pip install 'reprise-studio[cluster]'."
"""What to do when the packages of a cluster are missing."""


@dataclass(frozen=True)
class Keys:
    """The three parts of a key file, as PEM.

    Attributes:
        authority: certificate that every peer's certificate must be signed with.
        certificate, key: what this computer shows, and its secret.
    """

    authority: str
    certificate: str
    key: str

    @property
    def text(self) -> str:
        """The key file's content."""
        return self.authority + self.certificate + self.key

    def security(self) -> Any:
        """Dask's settings by which both sides of every connection must show a certificate of this authority."""
        from distributed.security import Security

        pair = {
            f"tls_{role}_{part}": value
            for role in ("client", "scheduler", "worker")
            for part, value in (("cert", self.certificate), ("key", self.key))
        }
        return Security(require_encryption=True, tls_ca_file=self.authority, **pair)


def key_path() -> Path:
    """The key file of this computer's own cluster; whoever has a copy may join."""
    return make_folder(config_dir() / "cluster") / "cluster.key"


def own_keys() -> Keys:
    """The keys of this computer's own cluster; made when there are none. Raises UserError."""
    path = key_path()
    if not path.exists():
        path.parent.chmod(0o700)
        # Nobody else may look into it at any moment, so it has its permissions before it has its content.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        try:
            with atomic_write(path, "w") as file:
                file.write(make_keys().text)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    return read_keys(path)


def read_keys(path: Path) -> Keys:
    """The keys in a key file; raises UserError when it is none."""
    try:
        with path.open("rb") as file:
            text = file.read(_FILE_LIMIT).decode("ascii", "replace")
    except OSError as error:
        remedy = "Copy it from the computer on which `reprise cluster start` runs."
        raise UserError(f"The key file could not be read: {error.strerror}", path=path, remedy=remedy) from error
    blocks = [(match[1], match[0]) for match in _BLOCK.finditer(text.replace("\r\n", "\n"))]
    if [name for name, _ in blocks] != ["CERTIFICATE", "CERTIFICATE", "PRIVATE KEY"]:
        raise UserError("This is not a key file of a cluster", path=path, remedy="Copy it again.")
    return Keys(*(block for _, block in blocks))


def make_keys() -> Keys:
    """A new authority and a certificate by it (ECDSA, P-256); the authority's own secret is forgotten at once."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as error:
        raise UserError("The cluster needs a package that is not installed", remedy=NEEDED) from error

    now = datetime.now(UTC)
    signer, secret = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Reprise cluster")])

    def certificate(name: str, public: ec.EllipticCurvePublicKey, *, is_authority: bool) -> str:
        signed = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            # A clock that is a little behind must not refuse it.
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=VALID_DAYS))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .sign(signer, hashes.SHA256())
        )
        return signed.public_bytes(serialization.Encoding.PEM).decode("ascii")

    key = secret.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode("ascii")
    return Keys(
        certificate("Reprise cluster", signer.public_key(), is_authority=True),
        certificate("Reprise computer", secret.public_key(), is_authority=False),
        key,
    )
