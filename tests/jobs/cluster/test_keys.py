"""The key file: private, complete, and read only when it is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.errors import UserError
from desktop.jobs.cluster.keys import key_path, make_keys, own_keys, read_keys


def test_made_once_and_for_nobody_else(home: Path) -> None:
    made = own_keys()
    assert own_keys() == made == read_keys(key_path())
    assert key_path().stat().st_mode & 0o777 == 0o600
    assert key_path().parent.stat().st_mode & 0o777 == 0o700


def test_security_demands_encryption() -> None:
    security = make_keys().security()
    assert security.require_encryption
    for role in ("client", "worker"):
        assert security.get_connection_args(role)["ssl_context"].verify_mode.name == "CERT_REQUIRED"
    assert security.get_listen_args("scheduler")["ssl_context"].verify_mode.name == "CERT_REQUIRED"


@pytest.mark.parametrize("content", [b"", b"\xff\x00" * 99, b"-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.key"
    path.write_bytes(content)
    with pytest.raises(UserError, match="not a key file"):
        read_keys(path)
    with pytest.raises(UserError, match="could not be read"):
        read_keys(tmp_path / "absent")
