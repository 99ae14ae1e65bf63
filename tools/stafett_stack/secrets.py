"""Passwords and keys of one stack: made once, mode 0600, in <stack>/secrets/."""

from __future__ import annotations

import hashlib
import os
import secrets as _random
from collections.abc import Callable
from pathlib import Path

KEYS = ("kek", "identity_key", "alias_key")  # 32 bytes each, as hex


class Secrets:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        """The file of a secret, which exists after this call."""
        return self._ensure(name, lambda: _random.token_hex(32))

    def value(self, name: str) -> str:
        return self.path(name).read_text().strip()

    def custom(self, name: str, make: Callable[[], str]) -> str:
        """A secret that is not 64 hex digits, such as a signing key."""
        return self._ensure(name, make).read_text()

    # The names, in one place.
    def redis(self, user: str) -> Path:
        return self.path(f"redis-{user}")

    def kafka(self, principal: str) -> Path:
        return self.path(f"kafka-{principal}")

    def client(self, client_id: str) -> Path:
        return self.path(f"client-{client_id}")

    def sha256(self, path: Path) -> str:
        return hashlib.sha256(path.read_text().strip().encode()).hexdigest()

    def _ensure(self, name: str, make: Callable[[], str]) -> Path:
        path = self.directory / name
        if not path.exists():
            # A run that dies here must not leave an empty secret: write aside, then rename.
            draft = path.with_name(f".{name}.{os.getpid()}")
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(make())
            draft.rename(path)
        return path
