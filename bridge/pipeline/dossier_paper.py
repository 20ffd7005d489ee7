"""A dossier on paper: its sections as a report, moments in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bridge.certificates.report import Part, Report
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.dossier_text import Section, sections, title

HEADING = "Dossier of a certificate"


def pdf(bridge: Bridge, told: Mapping[str, Any]) -> bytes:
    """Print a dossier; raises bridge.certificates.page.RenderError where nothing prints."""
    made_at: datetime = told["made_at"]
    reference = told["certificate"]["reference_id"] or told["certificate"]["id"]
    report = Report(
        heading=HEADING,
        of=title(told),
        made=f"Made {_text(made_at)} by {told['made_by']}. Moments are in UTC.",
        foot=f"{HEADING} {reference}, made {_text(made_at)}",
        by="Vaultbridge",
        parts=[_part(section) for section in sections(told)],
    )
    return bridge.renderer.report(report, at=made_at)


def _part(section: Section) -> Part:
    return Part(
        title=section.title,
        facts=[(name, _text(value)) for name, value in section.facts],
        columns=section.columns,
        rows=[[_text(cell) for cell in row] for row in section.rows],
        empty=section.empty,
    )


def _text(value: str | datetime) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return value
