"""The installation's keys: secrets encrypted at rest, links signed; old keys stay readable."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class KeyProblem(Exception):
    """The key file is missing, unreadable, or not the one the data was encrypted with."""


class Keys:
    """The keys of one installation, newest first."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise KeyProblem("There is no key. Put one into the key file: `vaultbridge keys new`.")
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError as exc:
            raise KeyProblem(
                "A key is not 32 bytes in URL-safe base64. Restore the key file from its copy."
            ) from exc
        self._keys = tuple(keys)

    @classmethod
    def read(cls, path: Path) -> Keys:
        """Read a key file: one key a line, newest first; empty lines and ``#`` are passed over."""
        try:
            lines = path.read_text(encoding="ascii").splitlines()
        except (OSError, UnicodeDecodeError) as exc:
            raise KeyProblem(f"Cannot read the keys in {path} ({exc}).") from exc
        stripped = (line.strip() for line in lines)
        return cls([line for line in stripped if line and not line.startswith("#")])

    @classmethod
    def read_or_create(cls, path: Path) -> Keys:
        """Read a key file, or make one with a new key, readable by its owner alone."""
        try:
            if not path.exists():
                _create(path)
        except OSError as exc:
            raise KeyProblem(
                f"Cannot make the key file {path} ({exc}). Name a file in a writable folder."
            ) from exc
        return cls.read(path)

    def encrypt(self, secrets: Mapping[str, object], *, purpose: str) -> str:
        """Encrypt JSON-able secrets for one purpose (a table and row): no other will open them."""
        plain = json.dumps({"purpose": purpose, "secrets": dict(secrets)}).encode()
        return self._fernet.encrypt(plain).decode()

    def decrypt(self, token: str, *, purpose: str) -> dict[str, object]:
        """Open what `encrypt` made for the same purpose; raises KeyProblem otherwise."""
        try:
            opened = json.loads(self._fernet.decrypt(token.encode()))
        except InvalidToken as exc:
            raise KeyProblem(
                f"The secrets of {purpose} were encrypted with a key that is not in the key file. "
                "Add the old key as a further line, or enter the secrets again."
            ) from exc
        if opened["purpose"] != purpose:
            raise KeyProblem(f"The secrets stored for {purpose} belong to {opened['purpose']}.")
        secrets: dict[str, object] = opened["secrets"]
        return secrets

    def rotate(self, token: str) -> str:
        """Encrypt the same secrets again with the newest key; raises KeyProblem as `decrypt`."""
        try:
            return self._fernet.rotate(token.encode()).decode()
        except InvalidToken as exc:
            raise KeyProblem(
                "Some secrets were encrypted with a key that is not in the key file. "
                "Add the old key as a further line, or enter the secrets again."
            ) from exc

    def signing(self, purpose: str) -> list[str]:
        """One signing key for each key, for one purpose; the newest last, as itsdangerous wants."""
        return [
            base64.urlsafe_b64encode(
                hmac.digest(key.encode(), f"sign {purpose}".encode(), hashlib.sha256)
            ).decode()
            for key in reversed(self._keys)
        ]


def _create(path: Path) -> None:
    # Whole or not at all: whoever starts at the same moment must not read half a key file,
    # and the first to link its own makes the key for all.
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mode 0600
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{new_key()}\n")
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    Path(draft).unlink()


def new_key() -> str:
    """A fresh random key, as it stands in a key file."""
    return Fernet.generate_key().decode()
