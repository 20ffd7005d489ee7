"""The bridge's world, for what is tried on its tables."""

from __future__ import annotations

from tests.bridge.conftest import (
    _clocks,
    _http,
    _postgresql,
    _renderer,
    _sqlite,
    _terse_logs,
    bridge,
    changed_settings,
    clock,
    database,
    kind,
    lms,
    vault,
    world,
)

#: pytest finds fixtures by their names here.
__all__ = [
    "_clocks",
    "_http",
    "_postgresql",
    "_renderer",
    "_sqlite",
    "_terse_logs",
    "bridge",
    "changed_settings",
    "clock",
    "database",
    "kind",
    "lms",
    "vault",
    "world",
]
