"""Who may see a page of the console: the one place that lets somebody in or turns them away.

Each page says the role it needs where it is registered; one that says nothing cannot be registered.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from flask_babel import get_locale, gettext
from werkzeug.wrappers import Response

from bridge.people import entering, institution
from bridge.people.roles import Limits, Role
from bridge.people.whence import Whence
from bridge.pipeline.bridge import Bridge
from bridge.store import people
from runtime.browsers import Cookie, is_from_elsewhere

View = TypeVar("View", bound=Callable[..., Any])

NAME = "console"
PREFIX = "/console"
SESSION = "vaultbridge"
#: What a form may hold at most, in bytes, unless its page says more: some text, no files.
LARGEST_FORM = 256 * 1024
#: The field of every form that no other site can know.
FORM = "form"
#: The header of what a page asks by itself, while nobody may be there.
LIVE = "X-Live"
#: Everything from ourselves; style sheets hold pictures as ``data:``.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": POLICY,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who is signed in on this browser."""

    id: str
    email: str
    name: str
    role: Role
    limits: Limits
    #: How they want to read; None: as their browser says.
    time_zone: str | None = None
    language: str | None = None

    @classmethod
    def of(cls, row: sa.Row[Any]) -> Person:
        """As a person's row says."""
        return cls(
            id=row.id,
            email=row.email,
            name=row.name,
            role=Role(row.role),
            limits=Limits.unpacked(row.limits),
            time_zone=row.time_zone,
            language=row.language,
        )

    def may(self, role: str) -> bool:
        """Whether they may do what needs that role."""
        return self.role.covers(Role(role))


class Console(Blueprint):
    """The console's pages, each registered with the role it needs."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(
            NAME,
            __name__,
            url_prefix=PREFIX,
            template_folder="templates",
            static_folder="static",
            static_url_path="/static",
        )
        self.bridge = bridge
        #: Where people sign in by the institution, if they can.
        self.institution = institution.provider(bridge.settings)
        #: By endpoint: the role it needs, None for a page that anybody may see.
        self.roles: dict[str, Role | None] = {}
        #: By endpoint: how many bytes a form may have that it takes.
        self.largest: dict[str, int] = {}
        #: Pages that tell of the whole installation, and so are for people without limits.
        self.whole: set[str] = set()
        self.before_request(self._admit)
        self.after_request(_guarded)
        self.app_context_processor(self._context)

    def page(
        self,
        rule: str,
        *,
        role: Role | None,
        methods: Sequence[str] = ("GET",),
        whole: bool = False,
        largest: int = LARGEST_FORM,
    ) -> Callable[[View], View]:
        """Register a view under its function's name.

        ``whole``: it tells of the whole installation, and so is not for people with limits.
        ``largest``: so many bytes a form may have that is sent to it.
        """

        def register(view: View) -> View:
            endpoint = view.__name__
            self.add_url_rule(rule, endpoint, view, methods=list(methods))
            self.roles[f"{NAME}.{endpoint}"] = role
            self.largest[f"{NAME}.{endpoint}"] = largest
            if whole:
                self.whole.add(f"{NAME}.{endpoint}")
            return view

        return register

    def _admit(self) -> Response | None:
        """Turn away who may not see what they ask for."""
        if request.endpoint == f"{NAME}.static":
            return None
        request.max_content_length = LARGEST_FORM
        g.person = self._who()
        role = self.roles[request.endpoint or ""]
        if request.method == "POST" and is_from_elsewhere(request):
            return _outdated()
        if g.person is not None:
            request.max_content_length = self.largest[request.endpoint or ""]
        if role is None:
            return None
        if g.person is None:
            return _to_sign_in()
        if not g.person.role.covers(role):
            return _not_for(role)
        if request.endpoint in self.whole and g.person.limits.any:
            return _not_within()
        if request.method == "POST" and not self._is_ours():
            return _outdated()
        return None

    def _who(self) -> Person | None:
        token = self.token()
        by_itself = LIVE in request.headers
        row = entering.signed_in(self.bridge, token, is_used=not by_itself) if token else None
        return None if row is None else Person.of(row)

    def token(self) -> str | None:
        """What this browser keeps of its session; it may have ended."""
        return self._session.read(request) or None

    def begin(self, response: Response, token: str) -> Response:
        """Give the browser a session."""
        self._session.keep(response, token, lasts=people.LONGEST)
        return response

    def end(self, response: Response) -> Response:
        """Take the session away from the browser."""
        self._session.forget(response)
        return response

    def cookie(self, name: str) -> Cookie:
        """Something that browsers keep for the console alone."""
        is_https = self.bridge.settings.public_url.startswith("https://")
        return Cookie(name=name, is_https=is_https, path=PREFIX)

    @property
    def _session(self) -> Cookie:
        return self.cookie(SESSION)

    def _is_ours(self) -> bool:
        """Whether a form was sent from a page of this session."""
        sent = request.form.get(FORM, "").encode()
        return hmac.compare_digest(sent, self.form_token().encode())

    def form_token(self) -> str:
        """What a form of this session carries."""
        return hmac.new((self.token() or "").encode(), b"form", hashlib.sha256).hexdigest()

    def _context(self) -> dict[str, Any]:
        if request.blueprint != NAME:
            return {}
        return {
            "person": g.get("person"),
            "opens": self._opens,
            "language": str(get_locale()).replace("_", "-"),
            "form_token": self.form_token,
            "Role": Role,
        }

    def _opens(self, endpoint: str) -> bool:
        """Whether the door lets whoever is signed in to a page: for links to it."""
        if endpoint not in self.roles:
            return False
        role = self.roles[endpoint]
        return role is None or (
            person().role.covers(role) and not (endpoint in self.whole and person().limits.any)
        )


def person() -> Person:
    """Who is signed in; only in a page that needs a role."""
    found: Person = g.person
    return found


def whence() -> Whence:
    """Where the request comes from, roughly."""
    return Whence.of(request.remote_addr, request.headers.get("User-Agent", ""))


def page(template: str, *, status: int = 200, **values: Any) -> Response:
    """Render one of the console's templates."""
    return make_response(render_template(f"{NAME}/{template}", **values), status)


def message(title: str, text: str, *, status: int) -> Response:
    """A page of a title, a sentence and the way back."""
    return page("message.html", status=status, title=title, text=text)


def onward(address: str) -> str:
    """Where to go after signing in: a page of the console, whatever was asked for."""
    parts = urlsplit(address)
    inside = not parts.scheme and not parts.netloc and parts.path.startswith(f"{PREFIX}/")
    return address if inside and "\\" not in address else url_for(f"{NAME}.front")


def _to_sign_in() -> Response:
    # What was typed into a form is not sent on: the page they come back to is the form's.
    wanted = request.full_path.rstrip("?") if request.method == "GET" else ""
    return redirect(url_for(f"{NAME}.sign_in", next=wanted or None), code=303)


def _not_for(role: Role) -> Response:
    return message(
        gettext("This is not for your role"),
        gettext("It needs the role “%(role)s”. Ask an admin of the console for it.", role=role),
        status=403,
    )


def _not_within() -> Response:
    return message(
        gettext("This tells of the whole installation"),
        gettext("You see some issuers, sites or courses of it. Ask an admin to see all."),
        status=403,
    )


def _outdated() -> Response:
    return message(
        gettext("This form is out of date"),
        gettext("Nothing was done. Open the page again and send the form from there."),
        status=403,
    )


def _guarded(response: Response) -> Response:
    for name, value in HEADERS.items():
        if name != "Cache-Control" or request.endpoint != f"{NAME}.static":
            response.headers.setdefault(name, value)
    return response
