"""Mailed links: asked for, looked at, used. Whoever reads an address's mail owns the address."""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime.browsers import is_from_elsewhere
from runtime.callers import caller
from runtime.translations import mark
from vault.bells import DELIVER
from vault.emails import is_email
from vault.links import PEOPLE
from vault.notice_text import ONLY_YOUR_OWN
from vault.store import customers, entrances, notices, rates
from vault.store.entrances import Purpose
from vault.store.notices import Kind, Mail
from vault.web import faults, page, session
from vault.web.auth import vault
from vault.web.fields import EDGES
from vault.web.people import sign_in_form

SPAN = timedelta(hours=1)
#: Mails an address may get in a span, and requests a client may send: a campus is one client.
MOST_PER_ADDRESS = 3
MOST_PER_CLIENT = 300
LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1.3

#: What a mailed link's page says, what follows from it, and its button.
LINKS = MappingProxyType(
    {
        Purpose.SIGN_IN: (mark("Sign in as {email}"), None, mark("Sign in")),
        Purpose.CLAIM: (
            mark("Create a free account for {email}"),
            mark("All certificates that were issued to this address are kept together there."),
            mark("Create account and claim"),
        ),
        Purpose.ADD_EMAIL: (
            mark("Add {email} to the account of {account}"),
            ONLY_YOUR_OWN,
            mark("Confirm this address"),
        ),
    }
)

blueprint = Blueprint("entrance", __name__, url_prefix=PEOPLE)
page.guard(blueprint)


@blueprint.post("/sign-in")
def sign_in() -> AnyResponse:
    """Mail a link to sign in. The same answer for every address."""
    if is_from_elsewhere(request):
        return elsewhere()
    address = given_address()
    if address is None:
        return sign_in_form(wrong=what_was_given())
    return mail(Purpose.SIGN_IN, Kind.SIGN_IN, address)


@blueprint.get("/sent")
def sent() -> AnyResponse:
    """The answer to every address."""
    return page.message(
        mark("Please check your mail"),
        mark(
            "A mail with a link is on its way to the address you gave. It can take a few minutes. "
            "Look into the spam folder too."
        ),
    )


@blueprint.get("/link/<token>")
def link(token: str) -> AnyResponse:
    """Say what a mailed link does. Only the button uses it: mail scanners open links too."""
    if vault().settings.read_only:
        return page.message(*faults.ARCHIVE)
    link_id = vault().links.read("mailed link", token)
    with vault().database.read() as conn:
        now = vault().database.now(conn)
        found = entrances.live_link(conn, link_id, now=now) if link_id else None
        if found is None:
            return _dead_link()
        if _is_late(conn, found):
            return _has_account()
        account = customers.get(conn, found.customer_id).email if found.customer_id else None
    title, text, button = LINKS[Purpose(found.purpose)]
    return page.render(
        "people/link.html",
        title=title,
        text=text,
        button=button,
        email=found.email,
        account=account,
    )


@blueprint.post("/link/<token>")
def use_link(token: str) -> AnyResponse:
    """Use a mailed link: sign in, claim, or confirm an address."""
    if is_from_elsewhere(request):
        return elsewhere()
    link_id = vault().links.read("mailed link", token)
    try:
        return _use(link_id)
    except customers.TakenEmail:
        # Another link for this address made the account in the same moment: now it is there.
        return _use(link_id)


def _use(link_id: str | None) -> AnyResponse:
    with vault().database.write() as conn:
        now = vault().database.now(conn)
        found = entrances.use_link(conn, link_id, now=now) if link_id else None
        if found is None:
            return _dead_link()
        if _is_late(conn, found):
            return _has_account()
        if found.customer_id is not None:
            return _confirm(conn, found)
        customer_id = customers.of_verified(conn, found.email, language=found.language, now=now)
        session.end_former(conn, vault(), request, now=now)
        session_id = entrances.open_session(conn, customer_id, now=now)
    response = redirect(url_for("people.mine"), code=303)
    session.begin(vault(), response, session_id)
    return response


@blueprint.get("/sign-in")
def back() -> AnyResponse:
    """Whoever reloads the answer to a form, or chooses another language there."""
    return redirect(url_for("people.mine"), code=303)


def mail(
    purpose: Purpose, kind: Kind, address: str, *, customer_id: int | None = None
) -> AnyResponse:
    """Put a mail with a link on its way, unless this client or address has had its share."""
    client, person = f"link for {caller(request.remote_addr)}", f"link to {address.casefold()}"
    with vault().database.write() as conn:
        now = vault().database.now(conn)
        if not rates.allow(conn, client, most=MOST_PER_CLIENT, span=SPAN, now=now):
            return _too_many()
        if rates.allow(conn, person, most=MOST_PER_ADDRESS, span=SPAN, now=now):
            language = page.language()
            link_id = entrances.add_link(
                conn, purpose, address, language=language, customer_id=customer_id, now=now
            )
            asked_for = Mail(kind=kind, to=address, language=language, link_id=link_id)
            notices.add(conn, [asked_for], now=now)
    vault().ring(DELIVER)
    return redirect(url_for("entrance.sent"), code=303)


def given_address() -> str | None:
    """The address in the form, if it could be one."""
    given = request.form.get("email", "").strip(EDGES)
    return given if len(given) <= LONGEST_ADDRESS and is_email(given) else None


def what_was_given() -> str:
    """What stands in the form for an address, to be shown again."""
    return request.form.get("email", "").strip()[:LONGEST_ADDRESS]


def elsewhere() -> Response:
    """The answer to a form that was not sent from a page of ours, or of another session."""
    return page.message(
        mark("This form is out of date"),
        mark("Please open the page here and send it again."),
        status=403,
        home=True,
    )


def _confirm(conn: sa.Connection, found: sa.Row[Any]) -> AnyResponse:
    now = vault().database.now(conn)
    try:
        customers.add_email(conn, found.customer_id, found.email, now=now)
    except customers.TakenEmail:
        return page.message(
            mark("This address belongs to another account"),
            mark("Sign in with it to see that account's certificates."),
            status=409,
        )
    return page.message(
        mark("The address is confirmed"),
        mark("Certificates for this address come to the account from now on."),
        home=True,
    )


def _is_late(conn: sa.Connection, found: sa.Row[Any]) -> bool:
    """Whether an invitation's link was overtaken by an account.

    An invitation lasts long and is passed on to show the certificate: it opens no account that is
    there already.
    """
    return found.purpose == Purpose.CLAIM.value and customers.find(conn, found.email) is not None


def _has_account() -> Response:
    return page.message(
        mark("There is an account for this address already"),
        mark("The certificate is in it. Sign in to see it."),
        status=409,
        home=True,
    )


def _dead_link() -> Response:
    return page.message(
        mark("This link does not work any more"),
        mark("It was used already, or it is too old. Sign in with a new one."),
        status=410,
        home=True,
    )


def _too_many() -> Response:
    return page.message(
        mark("Too many requests"), mark("Please wait an hour, then try again."), status=429
    )
