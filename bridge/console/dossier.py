"""The dossier of one certificate: to look at, as a PDF, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from bridge.certificates.page import RenderError
from bridge.console.csv_answer import kept
from bridge.console.door import Console, message, page, person
from bridge.people.roles import Role
from bridge.pipeline import dossier as data
from bridge.pipeline.dossier_paper import pdf
from bridge.pipeline.dossier_text import sections, title
from bridge.store.accounts import NotThere
from bridge.store.issuance_list import COURSE, ISSUER, SITE


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/issuances/<row_id>/dossier", role=Role.VIEWER)
    def dossier(row_id: str) -> Response:
        """All of it on one page."""
        told = _told(row_id)
        return page(
            "dossier.html",
            row_id=row_id,
            title=title(told),
            sections=sections(told),
            document=told["mapping"]["document"],
            is_moment=lambda value: isinstance(value, datetime),
        )

    @console.page("/issuances/<row_id>/dossier.json", role=Role.VIEWER)
    def dossier_json(row_id: str) -> Response:
        """For programs."""
        text = json.dumps(data.plain(_told(row_id)), ensure_ascii=False, indent=2)
        return kept(f"dossier-{row_id}.json", [text.encode()], "application/json")

    @console.page("/issuances/<row_id>/dossier.pdf", role=Role.VIEWER)
    def dossier_pdf(row_id: str) -> Response:
        """For a file, or an auditor."""
        told = _told(row_id)
        try:
            made = pdf(bridge, told)
        except RenderError as exc:
            return message(gettext("The dossier could not be printed"), str(exc), status=503)
        return kept(f"dossier-{row_id}.pdf", [made], "application/pdf")

    def _told(row_id: str) -> Mapping[str, Any]:
        within = person().limits.over(issuer=ISSUER, site=SITE, course=COURSE)
        try:
            with bridge.database.read() as conn:
                return data.gather(bridge, conn, row_id, within=within)
        except NotThere:
            raise NotFound from None
