"""What a mapping document may name in this installation, and which others it stands beside."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from bridge.certificates import templates
from bridge.pipeline.versioned import active_mappings
from bridge.settings import Settings
from bridge.store import accounts, completions
from mappings.document import Known
from runtime.database import Database


def known_names(database: Database, settings: Settings, *, beside: bool = True) -> Known:
    """Issuers, sites and templates with their parameters.

    And, unless it is not wanted, what a mapping will stand ``beside``: those that are in use, and
    the courses that were completed so far.
    """
    with database.read() as conn:
        active = [each.mapping for each in active_mappings(conn)] if beside else ()
        sites = {row.id: row.name for row in accounts.sites(conn)}
        seen = completions.courses(conn, sites) if beside else ()
        known = Known(
            issuers=[row.name for row in accounts.issuers(conn)],
            sites=list(sites.values()),
            courses=[(sites[site_id], course) for site_id, course in seen],
            # What one that no longer loads may want keeps no other from being added.
            beside=[mapping for mapping in active if mapping.fault is None],
        )
    return with_templates(known, settings.templates_dir)


def with_templates(known: Known, own: Path | None) -> Known:
    """The same, and the templates that ship or are in an institution's own folder."""
    folders = templates.folders(own)
    return replace(
        known,
        templates=templates.names(folders),
        paper_fault=partial(templates.paper_fault, folders),
        parameter_fault=partial(templates.parameter_fault, folders),
    )
