"""``/c/<token>``: what a learner sees of one certificate, and its file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode, urlsplit

import sqlalchemy as sa
import structlog
from flask import Blueprint, redirect
from sqlalchemy.exc import SQLAlchemyError
from werkzeug import Response

from bridge.pipeline import chain, trail
from bridge.pipeline.learner_links import PREFIX, Expired
from bridge.pipeline.standing import WORDS, Standing, spoken, standing
from bridge.store import issuances, links
from bridge.texts import mark
from bridge.vault_client import NotReady, VaultError
from bridge.web import learner_page
from bridge.web.lost_link import ERASED, LostLink
from bridge.web.vault_file import file_name, stream
from bridge.wiring import Bridge

#: What a standing means, in a sentence. The issuance's own problem is for the institution only:
#: it may name another person.
SENTENCES = {
    Standing.ISSUED: mark("{institution} has issued this certificate."),
    Standing.PREPARING: mark(
        "{institution} is preparing this certificate. This usually takes a few minutes."
    ),
    Standing.HELD: mark(
        "{institution} is checking the details before this certificate is issued. "
        "You do not need to do anything."
    ),
    Standing.FAILED: mark(
        "This certificate could not be issued. "
        "Please contact {institution} and quote the number {ref}."
    ),
    Standing.CANCELLED: mark(
        "{institution} has cancelled this certificate. "
        "If you did not expect this, please ask there and quote the number {ref}."
    ),
    Standing.REVOKED: mark("{institution} has withdrawn this certificate. It is no longer valid."),
    Standing.REPLACED: mark(
        "A newer certificate has replaced this one. You will find its link in your gradebook."
    ),
    Standing.ERASED: ERASED,
}
#: Where an issue date, and what the vault says of the certificate, mean something.
WAS_ISSUED = frozenset({Standing.ISSUED, Standing.REVOKED, Standing.REPLACED})
LINKEDIN = "https://www.linkedin.com/profile/add"

log = structlog.get_logger()


def blueprint(bridge: Bridge) -> Blueprint:
    """The learner's pages. They know no session and set no cookie: the address is the proof."""
    pages = Blueprint(
        "learner",
        __name__,
        url_prefix=PREFIX,
        template_folder="templates",
        static_folder="static/learner",
        static_url_path="/static",
    )
    views, lost = LearnerViews(bridge), LostLink(bridge)
    pages.add_url_rule("/lost", view_func=lost.ask)
    pages.add_url_rule("/lost", view_func=lost.send, methods=["POST"])
    pages.add_url_rule("/sent", view_func=lost.sent)
    pages.add_url_rule("/file/<token>", view_func=views.file)
    pages.add_url_rule("/<token>", view_func=views.certificate)
    pages.add_url_rule("/<token>/certificate.pdf", view_func=views.permanent_file)
    pages.add_url_rule("/<token>/download", view_func=views.download, methods=["POST"])
    pages.register_error_handler(SQLAlchemyError, views.database_down)
    pages.after_request(learner_page.keep_private)
    return pages


class LearnerViews:
    """The views of one certificate."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._base = learner_page.base_of(bridge.settings.public_url)
        self._lost = LostLink(bridge)

    def certificate(self, token: str) -> Response:
        """Where the certificate stands, and what can be done with it."""
        row = self._follow(self._bridge.links.read(token))
        if row is None or row.revoked_at is not None:
            return self._lost.dead(row)
        where = self._standing(row)
        return learner_page.page(
            "certificate.html",
            base=self._base,
            language=learner_page.language_for(spoken(row)),
            row=row,
            token=token,
            issued=where is Standing.ISSUED,
            was_issued=where in WAS_ISSUED,
            preparing=where is Standing.PREPARING,
            standing=where,
            word=WORDS[where],
            sentence=SENTENCES[where],
            earlier=self._earlier(row),
            verification_url=_web_address(row.verification_url),
            linkedin_url=linkedin_url(row),
        )

    def download(self, token: str) -> Response:
        """The button: make the file's address, good for a while, and lead there."""
        link_id = self._bridge.links.read(token)
        row = self._follow(link_id)
        if link_id is None or row is None or row.revoked_at is not None:
            return self._lost.dead(row)
        fresh = self._bridge.links.download_token(link_id, now=self._bridge.now())
        return redirect(f"{self._base}/file/{fresh}", code=303)

    def file(self, token: str) -> Response:
        """The file, at the address that the button made. It does not give the link away."""
        try:
            link_id = self._bridge.links.read_download(token, now=self._bridge.now())
        except Expired:
            return self._message(
                None,
                410,
                mark("This download address has expired"),
                mark(
                    "Please open your certificate’s page again and press the download button there."
                ),
            )
        return self._file(link_id, back=None)

    def permanent_file(self, token: str) -> Response:
        """The file for whoever has the link itself, in one request: for programs."""
        return self._file(self._bridge.links.read(token), back=token)

    def database_down(self, exc: SQLAlchemyError) -> Response:
        """The page for a learner who comes while our database is away."""
        log.error("database_down", reason=type(exc).__name__)
        return self._message(
            None,
            503,
            mark("This page cannot be shown at the moment"),
            mark("Your certificate is safe. Please try again in a few minutes."),
        )

    def _file(self, link_id: str | None, *, back: str | None) -> Response:
        row = self._follow(link_id)
        if row is None or row.revoked_at is not None:
            return self._lost.dead(row)
        where = self._standing(row)
        if where is not Standing.ISSUED:
            return self._no_file(row, where, back)
        name = file_name(row.full_name, row.certificate_title)
        try:
            vault = self._bridge.vault_for(row.issuer_id)
            return stream(vault.download(row.vault_uuid), name=name)
        except NotReady:
            return self._no_file(row, Standing.PREPARING, back)
        except VaultError as exc:
            log.warning("download_failed", **trail.of(row), reason=type(exc).__name__)
            return self._message(
                row,
                503,
                mark("The file cannot be fetched at the moment"),
                mark("Your certificate is safe. Please try again in a few minutes."),
                back=back,
            )

    def _no_file(self, row: sa.Row[Any], where: Standing, back: str | None) -> Response:
        if where is Standing.PREPARING:
            title = mark("The file is still being prepared")
            return self._message(row, 404, title, mark("Please try again in a few minutes."), back)
        return self._message(row, 404, mark("The file is not available"), SENTENCES[where], back)

    def _message(
        self,
        row: sa.Row[Any] | None,
        status: int,
        title: str,
        text: str,
        back: str | None = None,
    ) -> Response:
        return learner_page.page(
            "message.html",
            base=self._base,
            language=learner_page.language_for(spoken(row) if row is not None else None),
            status=status,
            title=title,
            text=text,
            row=row,
            back=back,
        )

    def _follow(self, link_id: str | None) -> sa.Row[Any] | None:
        if link_id is None:
            return None
        with self._bridge.database.read() as conn:
            row = links.follow(conn, link_id)
            if row is None or row.revoked_at is not None:
                return row
            now = chain.leads_to(row, issuances.chain(conn, row))
            return row if now.id == row.id else links.follow(conn, link_id, to=now.id)

    def _standing(self, row: sa.Row[Any]) -> Standing:
        with self._bridge.database.read() as conn:
            where = standing(row, issuances.chain(conn, row))
            if where is not Standing.REVOKED:
                return where
            return standing(
                row, issuances.of_learner(conn, row.site_id, row.course_id, row.learner_id)
            )

    def _earlier(self, row: sa.Row[Any]) -> Sequence[sa.Row[Any]]:
        with self._bridge.database.read() as conn:
            return chain.before(row, issuances.chain(conn, row))


def linkedin_url(row: sa.Row[Any]) -> str:
    """LinkedIn's "add to profile" form, filled in (addtoprofile.linkedin.com).

    The certificate's public address is the vault's verification page: never the learner's own
    page, which is private.
    """
    issued: date | None = row.issue_date
    fields = {
        "startTask": "CERTIFICATION_NAME",
        "name": row.certificate_title,
        "organizationName": row.institution_name,
        "issueYear": issued and issued.year,
        "issueMonth": issued and issued.month,
        "certUrl": _web_address(row.verification_url),
        "certId": row.reference_id,
    }
    return f"{LINKEDIN}?{urlencode({name: value for name, value in fields.items() if value})}"


def _web_address(url: str | None) -> str | None:
    """The address if a browser may be sent there: not ``javascript:`` and its like."""
    return url if url and urlsplit(url).scheme in ("http", "https") else None
