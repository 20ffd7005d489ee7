"""Signing in and out, and choosing a password by a link."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from bridge.console.door import Console, message, onward, page, person, whence
from bridge.people import entering, passwords
from bridge.people.roles import Role
from bridge.store import people


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/sign-in", role=None)
    def sign_in() -> Response:
        """The form."""
        with bridge.database.read() as conn:
            nobody = not people.there_are_any(conn)
        return _sign_in(next=request.args.get("next", ""), nobody=nobody)

    @console.page("/sign-in", role=None, methods=["POST"])
    def signing_in() -> Response:
        """Let somebody in who gives an address and its password."""
        email, then = request.form.get("email", ""), request.form.get("next", "")
        try:
            token = entering.sign_in(
                bridge, email, request.form.get("password", ""), whence=whence()
            )
        except entering.WrongPair:
            wrong = gettext("Nobody has this address with this password. Try again.")
            return _sign_in(status=422, email=email, wrong=wrong, next=then)
        except entering.TooOften:
            wrong = gettext("That was tried too often. Wait a quarter of an hour, then try again.")
            return _sign_in(status=429, email=email, wrong=wrong, next=then)
        return console.begin(redirect(onward(then), code=303), token)

    @console.page("/sign-out", role=Role.VIEWER, methods=["POST"])
    def sign_out() -> Response:
        """End this browser's session, or all sessions of the person."""
        with bridge.database.write() as conn:
            if request.form.get("everywhere"):
                people.sign_out_everywhere(conn, person().id)
            else:
                people.sign_out(conn, console.token() or "")
        return console.end(redirect(url_for("console.sign_in"), code=303))

    @console.page("/enter/<token>", role=None)
    def enter(token: str) -> Response:
        """Who has a link chooses a password."""
        return _form(token)

    @console.page("/enter/<token>", role=None, methods=["POST"])
    def entering_by_link(token: str) -> Response:
        """Keep the password, and sign its owner in."""
        email = request.form.get("email", "").strip()
        name = " ".join(request.form.get("name", "").split())
        return _keep(token, email=email, name=name)

    def _sign_in(*, status: int = 200, **values: Any) -> Response:
        settings = bridge.settings
        institution = settings.oidc_name if settings.oidc_issuer else None
        return page("sign_in.html", status=status, institution=institution, **values)

    def _form(token: str, *, status: int = 200, **values: str | None) -> Response:
        with bridge.database.read() as conn:
            found = people.invited(conn, token, now=bridge.database.now(conn))
        if found is None:
            return _dead()
        shortest = passwords.SHORTEST
        return page("enter.html", status=status, invited=found, shortest=shortest, **values)

    def _keep(token: str, *, email: str, name: str) -> Response:
        with bridge.database.read() as conn:
            found = people.invited(conn, token, now=bridge.database.now(conn))
        if found is None:
            return _dead()
        given = {"email": found.email or email, "name": found.name or name}
        password = request.form.get("password", "")
        wrong = {
            "wrong_email": _problem_with_address(given["email"]),
            "wrong_name": _problem_with_name(given["name"]),
            "wrong_password": passwords.problem_with(password, email=given["email"]),
            "wrong_again": _problem_with_pair(password, request.form.get("again", "")),
        }
        if any(wrong.values()):
            return _form(token, status=422, **given, **wrong)
        try:
            made = entering.accept(bridge, token, password, whence=whence(), **given)
        except entering.DeadLink:
            return _dead()
        return console.begin(redirect(url_for("console.front"), code=303), made)


def _dead() -> Response:
    return message(
        gettext("This link does not work any more"),
        gettext(
            "It was used already, or it is too old. Ask an admin of the console for a new one; on "
            "the machine itself, run `vaultbridge people link ADDRESS`."
        ),
        status=410,
    )


def _problem_with_address(email: str) -> str | None:
    fits = entering.is_address(email)
    return None if fits else str(gettext("This is not an e-mail address."))


def _problem_with_name(name: str) -> str | None:
    fits = entering.is_name(name)
    return None if fits else str(gettext("Give your name, as others see it in the history."))


def _problem_with_pair(password: str, again: str) -> str | None:
    return None if password == again else str(gettext("The two are not the same."))
