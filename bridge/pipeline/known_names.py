"""What a mapping document may name in this installation, and which others it stands beside."""

from __future__ import annotations

from functools import partial

from bridge.certificates import templates
from bridge.pipeline.versioned import active_mappings
from bridge.settings import Settings
from bridge.store import accounts
from mappings.document import Known
from runtime.database import Database


def known_names(database: Database, settings: Settings, *, beside: bool = True) -> Known:
    """Issuers, sites, templates with their parameters; the mappings in use, unless not wanted."""
    folders = templates.folders(settings.templates_dir)
    with database.read() as conn:
        return Known(
            issuers=[row.name for row in accounts.issuers(conn)],
            sites=[row.name for row in accounts.sites(conn)],
            templates=templates.names(folders),
            parameter_fault=partial(templates.parameter_fault, folders),
            beside=[each.mapping for each in active_mappings(conn)] if beside else (),
        )
