"""The installation that is looked at."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.database import Database
from vault.settings import Settings

#: How many examples are named.
SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Its settings, and its database, whose schema nobody has looked at yet."""

    settings: Settings
    database: Database
