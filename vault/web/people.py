"""A customer's certificates: the list of them, and each one's verified PDF."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from runtime.translations import mark
from vault.certificate import Status
from vault.links import PEOPLE
from vault.store import certificates, customers
from vault.web import faults, page, session
from vault.web.again import once_more
from vault.web.auth import vault
from vault.web.sharing import share

blueprint = Blueprint("people", __name__, url_prefix=PEOPLE)
page.guard(blueprint)


@blueprint.get("")
def mine() -> AnyResponse:
    """The customer's certificates and addresses; for anybody else the form to sign in."""
    customer_id = session.customer_of(vault(), request)
    if customer_id is None:
        return sign_in_form()
    _claim(customer_id)
    return own_page(customer_id)


@blueprint.get("/certificates/<uuid:uuid>/certificate.pdf")
@once_more
def download(uuid: UUID) -> AnyResponse:
    """The verified PDF of one of the customer's certificates."""
    customer_id = session.customer_of(vault(), request)
    if customer_id is None:
        return sign_in_form()
    with vault().database.read() as conn:
        mine = {row.uuid: row.id for row in customers.certificates(conn, customer_id)}
        row = certificates.get(conn, mine[str(uuid)]) if str(uuid) in mine else None
    if row is None or row.status != Status.GENERATED.value or row.verified_sha256 is None:
        return page.message(
            mark("There is no such certificate in your account"),
            mark("Open your certificates and choose one there."),
            status=404,
            home=True,
        )
    return page.pdf(vault().files.read(row.verified_sha256), row.reference_id)


def sign_in_form(*, wrong: str | None = None) -> Response:
    """The form to sign in; ``wrong`` is what was given in it and is no address."""
    if vault().settings.read_only:
        return page.message(*faults.ARCHIVE)
    return page.render("people/sign_in.html", status=200 if wrong is None else 422, wrong=wrong)


def own_page(customer_id: int, *, wrong: str | None = None) -> Response:
    """A customer's own page; ``wrong`` is what was given as one more address and is none."""
    with vault().database.read() as conn:
        rows = customers.certificates(conn, customer_id)
        emails = customers.emails(conn, customer_id)
        account = customers.get(conn, customer_id).email
    return page.render(
        "people/mine.html",
        status=200 if wrong is None else 422,
        rows=rows,
        emails=emails,
        account=account,
        wrong=wrong,
        read_only=vault().settings.read_only,
        form=session.form_token(vault(), request),
        share=lambda row: share(row, vault().addresses),
    )


def _claim(customer_id: int) -> None:
    """Take what was generated in the moment in which the account was made."""
    with vault().database.read() as conn:
        if vault().settings.read_only or not customers.waiting(conn, customer_id):
            return
    with vault().database.write() as conn:
        customers.claim_waiting(conn, customer_id, now=vault().database.now(conn))
