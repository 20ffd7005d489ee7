"""A customer's account: its addresses, signing out, the end of it. Forms of a session alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime.translations import mark
from vault import accounts, wiring
from vault.links import PEOPLE
from vault.store import customers, entrances
from vault.store.entrances import Purpose
from vault.store.notices import Kind
from vault.web import page, session
from vault.web.auth import vault
from vault.web.entrance import elsewhere, given_address, mail, what_was_given
from vault.web.people import own_page

blueprint = Blueprint("account", __name__, url_prefix=PEOPLE)
page.guard(blueprint)


def _of_customer(view: Callable[[int], AnyResponse]) -> Callable[[], AnyResponse]:
    """Give a view the customer whose own page sent the form; nobody else's form does anything."""

    @wraps(view)
    def guarded() -> AnyResponse:
        customer_id = session.customer_of(vault(), request)
        if customer_id is None or not session.is_ours(vault(), request):
            return elsewhere()
        return view(customer_id)

    return guarded


@blueprint.post("/emails")
@_of_customer
def add_email(customer_id: int) -> AnyResponse:
    """Mail a link to an address that the customer says is theirs too."""
    address = given_address()
    if address is None:
        return own_page(customer_id, wrong=what_was_given())
    return mail(Purpose.ADD_EMAIL, Kind.ADD_EMAIL, address, customer_id=customer_id)


@blueprint.post("/emails/main")
@_of_customer
def send_to(customer_id: int) -> AnyResponse:
    """Let the customer's mail go to another of their addresses."""
    with vault().database.write() as conn:
        customers.send_to(conn, customer_id, request.form.get("email", ""))
    return _home()


@blueprint.post("/emails/remove")
@_of_customer
def remove_email(customer_id: int) -> AnyResponse:
    """Take one of their addresses from the customer."""
    with vault().database.write() as conn:
        customers.remove_email(conn, customer_id, request.form.get("email", ""))
    return _home()


@blueprint.get("/delete")
def ask_to_delete() -> AnyResponse:
    """Say what deleting the account means, and ask."""
    if session.customer_of(vault(), request) is None or vault().settings.read_only:
        return _home()
    return page.render("people/delete.html", form=session.form_token(vault(), request))


@blueprint.post("/delete")
@_of_customer
def delete(customer_id: int) -> AnyResponse:
    """Delete the account for good."""
    folder = wiring.mail_folder(vault().settings)
    accounts.close(customer_id, database=vault().database, mail_folder=folder)
    response = page.message(
        mark("Your account is deleted"),
        mark("Your certificates stay valid, and the links in your mails about them still work."),
    )
    session.end(vault(), response)
    return response


@blueprint.post("/sign-out")
@_of_customer
def sign_out(customer_id: int) -> AnyResponse:
    """End this session, or with ``everywhere`` all of the customer's."""
    with vault().database.write() as conn:
        now = vault().database.now(conn)
        if "everywhere" in request.form:
            entrances.close_sessions(conn, customer_id, now=now)
        else:
            entrances.close_session(conn, str(session.id_of(vault(), request)), now=now)
    response = _home()
    session.end(vault(), response)
    return response


def _home() -> AnyResponse:
    return redirect(url_for("people.mine"), code=303)


@blueprint.get("/emails")
@blueprint.get("/emails/main")
@blueprint.get("/emails/remove")
@blueprint.get("/sign-out")
def back() -> AnyResponse:
    """Whoever reloads the answer to a form, or chooses another language there."""
    return _home()
