"""The installation that is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bridge.settings import Settings
from bridge.wiring import Bridge, assemble
from runtime.database import Database
from runtime.keys import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Its settings, and its database, whose schema nobody has looked at yet."""

    settings: Settings
    database: Database

    @contextmanager
    def bridge(self) -> Iterator[Bridge]:
        """Its bridge, which rings no bell; raises runtime.keys.KeyProblem."""
        keys = Keys.read(self.settings.key_file)
        made = assemble(self.settings, database=self.database, keys=keys, ring=lambda _bell: None)
        with made.vault_http, made.lms_http, made.renderer:
            yield made
