"""Signing in by the institution: away to its page, and back."""

from __future__ import annotations

import structlog
from flask import redirect, request
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from bridge.console.door import Console, message, onward, whence
from bridge.people import entering, institution, oidc
from bridge.people.institution import Why
from bridge.store import people

log = structlog.get_logger()


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge
    provider = console.institution
    away = console.cookie("vaultbridge-away")

    @console.page("/sign-in/institution", role=None)
    def to_institution() -> Response:
        """Away to the institution's page."""
        if provider is None:
            raise NotFound
        wanted = onward(request.args.get("next", ""))
        try:
            address, state = institution.leave(
                bridge, provider, onward=wanted, client=whence().client
            )
        except entering.TooOften:
            return message(
                gettext("That was tried too often"),
                gettext("Wait a quarter of an hour, then try again."),
                status=429,
            )
        except oidc.OutOfReach as exc:
            return _out_of_reach(exc)
        leaving = redirect(address, code=303)
        away.keep(leaving, state, lasts=people.AWAY_LASTS)
        return leaving

    @console.page("/sign-in/back", role=None)
    def back() -> Response:
        """Back from there: let them in, or say why not."""
        if provider is None:
            raise NotFound
        answer = _back(provider)
        away.forget(answer)
        return answer

    def _back(provider: oidc.Provider) -> Response:
        try:
            came = institution.come_back(
                bridge,
                provider,
                request.args,
                kept=away.read(request),
                whence=whence(),
            )
        except institution.NotBegun:
            return _again()
        except institution.NotIn as exc:
            return _not_in(exc.why)
        except oidc.OutOfReach as exc:
            return _out_of_reach(exc)
        except oidc.NotTrue as exc:
            return _not_true(exc)
        return console.begin(redirect(onward(came.onward), code=303), came.token)


def _again() -> Response:
    return message(
        gettext("This sign-in has ended"),
        gettext(
            "It took longer than ten minutes, was used already, or began in another browser. "
            "Nothing was changed. Open the console and sign in again."
        ),
        status=400,
    )


def _out_of_reach(exc: oidc.OutOfReach) -> Response:
    log.error("oidc_out_of_reach", reason=exc.reason)
    answer = message(
        gettext("The institution’s sign-in does not answer"),
        gettext(
            "Try again in a few minutes. If it lasts, tell an admin: the log says what it "
            "answered, and `vaultbridge settings` where it is looked for (BRIDGE_OIDC_ISSUER). "
            "Whoever has a password of this console can use that meanwhile."
        ),
        status=503,
    )
    answer.headers["Retry-After"] = "60"
    return answer


def _not_true(exc: oidc.NotTrue) -> Response:
    log.warning("oidc_refused", reason=exc.reason)
    if exc.reason == "access_denied":
        return message(
            gettext("You did not sign in"),
            gettext("The institution’s sign-in was broken off there. Sign in again if you like."),
            status=403,
        )
    return message(
        gettext("The institution’s answer cannot be relied on"),
        gettext(
            "Nobody was signed in. Sign in again; if that happens once more, tell an admin: the "
            "log says which check it did not stand."
        ),
        status=403,
    )


def _not_in(why: Why) -> Response:
    log.warning("oidc_refused", reason=why.value)
    title, text = {
        Why.NO_ROLE: (
            gettext("The institution gives you no role here"),
            gettext(
                "You are signed in there, and in none of the groups that may use this console. "
                "Ask whoever looks after those groups."
            ),
        ),
        Why.NO_EMAIL: (
            gettext("The institution does not tell your e-mail address"),
            gettext(
                "The console needs it once, to name you in its history. Tell an admin: the scope "
                "email is missing (BRIDGE_OIDC_SCOPES), or your account has no address."
            ),
        ),
        Why.UNVERIFIED: (
            gettext("Your e-mail address is not verified"),
            gettext(
                "Verify it at the institution, then sign in again. If the institution verifies "
                "every address and does not say so, an admin sets BRIDGE_OIDC_TRUST_EMAIL."
            ),
        ),
        Why.TAKEN: (
            gettext("Somebody here has your e-mail address already"),
            gettext(
                "If that is you, sign in with the password of this console. To come in by the "
                "institution instead, have an admin remove that person, then sign in again."
            ),
        ),
        Why.NOT_INVITED: (
            gettext("You are not invited yet"),
            gettext(
                "Ask an admin of the console to invite your e-mail address, then sign in again."
            ),
        ),
        Why.REMOVED: (
            gettext("You were removed from this console"),
            gettext(
                "An admin removed you, and an admin can invite your e-mail address again; then "
                "sign in again."
            ),
        ),
    }[why]
    return message(title, text, status=403)
