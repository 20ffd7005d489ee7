"""A customer's pages: sign in by a mailed link, my certificates, my addresses."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime.translations import mark
from vault.bells import DELIVER
from vault.certificate import Status
from vault.links import PEOPLE
from vault.store import certificates, customers, entrances, notices, rates
from vault.store.entrances import Purpose
from vault.store.notices import Kind
from vault.web import page, session
from vault.web.auth import vault

SPAN = timedelta(hours=1)
#: Mails an address may get in a span, and requests a client may send: a campus is one client.
MOST_PER_ADDRESS = 3
MOST_PER_CLIENT = 30
LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1.3
_ADDRESS = re.compile(r"[^\s@<>,;\x00]+@[^\s@<>,;.\x00]+(\.[^\s@<>,;.\x00]+)+")

#: What a mailed link's page says, and its button.
LINKS = MappingProxyType(
    {
        Purpose.SIGN_IN: (mark("Sign in as {email}"), mark("Sign in")),
        Purpose.CLAIM: (
            mark("Create a free account for {email}"),
            mark("Create account and claim"),
        ),
        Purpose.ADD_EMAIL: (
            mark("Add {email} to the account of {account}"),
            mark("Confirm this address"),
        ),
    }
)

blueprint = Blueprint("people", __name__, url_prefix=PEOPLE)
page.guard(blueprint)


@blueprint.get("")
def mine() -> AnyResponse:
    """The customer's certificates and addresses; for anybody else the form to sign in."""
    customer_id = session.customer_of(vault(), request)
    if customer_id is None:
        return _form()
    _claim(customer_id)
    return _mine(customer_id)


@blueprint.post("/sign-in")
def sign_in() -> AnyResponse:
    """Mail a link to sign in. The same answer for every address."""
    if _from_elsewhere():
        return _elsewhere()
    address = _address()
    if address is None:
        return _form(wrong=request.form.get("email", "").strip()[:LONGEST_ADDRESS])
    if not _mail(Purpose.SIGN_IN, Kind.SIGN_IN, address, customer_id=None):
        return _too_many()
    return redirect(url_for("people.sent"), code=303)


@blueprint.get("/sent")
def sent() -> AnyResponse:
    """The answer to every address."""
    return _message(
        mark("Please check your mail"),
        mark(
            "A mail with a link is on its way to the address you gave. It can take a few minutes. "
            "Look into the spam folder too."
        ),
    )


@blueprint.get("/link/<token>")
def link(token: str) -> AnyResponse:
    """Say what a mailed link does. Only the button uses it: mail scanners open links too."""
    link_id = vault().links.read("mailed link", token)
    with vault().database.read() as conn:
        now = vault().database.now(conn)
        found = entrances.live_link(conn, link_id, now=now) if link_id else None
        if found is None:
            return _dead_link()
        account = customers.get(conn, found.customer_id).email if found.customer_id else None
    title, button = LINKS[Purpose(found.purpose)]
    return page.render(
        "people/link.html", title=title, button=button, email=found.email, account=account
    )


@blueprint.post("/link/<token>")
def use_link(token: str) -> AnyResponse:
    """Use a mailed link: sign in, claim, or confirm an address."""
    if _from_elsewhere():
        return _elsewhere()
    link_id = vault().links.read("mailed link", token)
    with vault().database.write() as conn:
        now = vault().database.now(conn)
        found = entrances.use_link(conn, link_id, now=now) if link_id else None
        if found is None:
            return _dead_link()
        if found.customer_id is not None:
            return _confirm(conn, found)
        customer_id = customers.of_verified(conn, found.email, language=found.language, now=now)
        session_id = entrances.open_session(conn, customer_id, now=now)
    response = redirect(url_for("people.mine"), code=303)
    session.begin(vault(), response, session_id)
    return response


@blueprint.post("/emails")
def add_email() -> AnyResponse:
    """Mail a link to an address that the customer says is theirs too."""
    customer_id = session.customer_of(vault(), request)
    if customer_id is None or not session.is_ours(vault(), request):
        return _elsewhere()
    address = _address()
    if address is None:
        wrong = request.form.get("email", "").strip()[:LONGEST_ADDRESS]
        return _mine(customer_id, wrong=wrong, status=422)
    if not _mail(Purpose.ADD_EMAIL, Kind.ADD_EMAIL, address, customer_id=customer_id):
        return _too_many()
    return redirect(url_for("people.sent"), code=303)


@blueprint.post("/sign-out")
def sign_out() -> AnyResponse:
    """End this session, or with ``everywhere`` all of the customer's."""
    customer_id = session.customer_of(vault(), request)
    if customer_id is None or not session.is_ours(vault(), request):
        return _elsewhere()
    with vault().database.write() as conn:
        now = vault().database.now(conn)
        if "everywhere" in request.form:
            entrances.close_sessions(conn, customer_id, now=now)
        else:
            entrances.close_session(conn, str(session.id_of(vault(), request)), now=now)
    response = redirect(url_for("people.mine"), code=303)
    session.end(vault(), response)
    return response


@blueprint.get("/certificates/<uuid:uuid>/certificate.pdf")
def download(uuid: UUID) -> AnyResponse:
    """The verified PDF of one of the customer's certificates."""
    customer_id = session.customer_of(vault(), request)
    if customer_id is None:
        return _form()
    with vault().database.read() as conn:
        mine = {row.uuid: row.id for row in customers.certificates(conn, customer_id)}
        row = certificates.get(conn, mine[str(uuid)]) if str(uuid) in mine else None
    if row is None or row.status != Status.GENERATED.value or row.verified_sha256 is None:
        return _message(
            mark("There is no such certificate in your account"),
            mark("Open your certificates and choose one there."),
            status=404,
        )
    return page.pdf(vault().files.read(row.verified_sha256), row.reference_id)


def _mine(customer_id: int, *, wrong: str | None = None, status: int = 200) -> Response:
    with vault().database.read() as conn:
        rows = customers.certificates(conn, customer_id)
        emails = customers.emails(conn, customer_id)
        account = customers.get(conn, customer_id).email
    return page.render(
        "people/mine.html",
        status=status,
        rows=rows,
        emails=emails,
        account=account,
        wrong=wrong,
        form=session.form_token(vault(), request),
        verification=vault().addresses.verification,
    )


def _claim(customer_id: int) -> None:
    """Take what was generated in the moment in which the account was made."""
    with vault().database.read() as conn:
        if vault().settings.read_only or not customers.waiting(conn, customer_id):
            return
    with vault().database.write() as conn:
        customers.claim_waiting(conn, customer_id, now=vault().database.now(conn))


def _confirm(conn: sa.Connection, found: sa.Row[Any]) -> AnyResponse:
    now = vault().database.now(conn)
    try:
        customers.add_email(conn, found.customer_id, found.email, now=now)
    except customers.TakenEmail:
        return _message(
            mark("This address belongs to another account"),
            mark("Sign in with it to see that account's certificates."),
            status=409,
        )
    return _message(
        mark("The address is confirmed"),
        mark("Certificates for this address come to the account from now on."),
        home=True,
    )


def _mail(purpose: Purpose, kind: Kind, address: str, *, customer_id: int | None) -> bool:
    """Put a mail on its way; False if this client must wait."""
    client, person = f"link for {_client()}", f"link to {address.casefold()}"
    with vault().database.write() as conn:
        now = vault().database.now(conn)
        if not rates.allow(conn, client, most=MOST_PER_CLIENT, span=SPAN, now=now):
            return False
        if rates.allow(conn, person, most=MOST_PER_ADDRESS, span=SPAN, now=now):
            language = page.language()
            link_id = entrances.add_link(
                conn, purpose, address, language=language, customer_id=customer_id, now=now
            )
            notices.add(conn, kind, address, language=language, link_id=link_id, now=now)
    vault().ring(DELIVER)
    return True


def _address() -> str | None:
    """The address in the form, if it could be one."""
    given = request.form.get("email", "").strip()
    return given if len(given) <= LONGEST_ADDRESS and _ADDRESS.fullmatch(given) else None


def _from_elsewhere() -> bool:
    """Whether the browser says that another site sent this form."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")


def _client() -> str:
    """Who asks: an IPv4 address, or the network of an IPv6 one, of which a person has many."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network(f"{address}/64", strict=False))


def _form(*, wrong: str | None = None) -> Response:
    return page.render("people/sign_in.html", status=200 if wrong is None else 422, wrong=wrong)


def _message(title: str, text: str, *, status: int = 200, home: bool = False) -> Response:
    return page.render("people/message.html", status=status, title=title, text=text, home=home)


def _dead_link() -> Response:
    return _message(
        mark("This link does not work any more"),
        mark("It was used already, or it is too old. Sign in with a new one."),
        status=410,
        home=True,
    )


def _elsewhere() -> Response:
    return _message(
        mark("This form is out of date"),
        mark("Please open the page here and send it again."),
        status=403,
        home=True,
    )


def _too_many() -> Response:
    return _message(
        mark("Too many requests"), mark("Please wait an hour, then try again."), status=429
    )
