"""Where each value of an issuance came from, by its completion and its mapping's version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.bridge import Bridge
from bridge.pipeline.versioned import version_of
from bridge.pipeline.zones import zoned
from bridge.store import accounts, completions
from bridge.store.accounts import NotThere
from mappings import engine
from mappings.entry import FieldTrace


def trace_of(bridge: Bridge, conn: sa.Connection, row: sa.Row[Any]) -> Sequence[FieldTrace]:
    """The trace, field by field; empty where the completion or the version is gone."""
    told = completions.by_id(conn, row.completion_id)
    if told is None:
        return ()
    try:
        by = version_of(conn, row.mapping_name, row.mapping_version)
    except NotThere:
        return ()
    site = accounts.site_by_id(conn, row.site_id)
    found = zoned(completions.unpack(told.data), site, setting=bridge.settings.timezone)
    return engine.apply(by.mapping, found, site=site.name, traced=True).trace
