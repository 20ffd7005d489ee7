"""Who may call the API: the one place that lets a token in or turns it away.

Each call says the role it needs where it is registered, as the console's pages do; one that says
nothing cannot be registered. A token's scope is a role by another name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from types import MappingProxyType
from typing import Any, TypeVar

import marshmallow as ma
from flask import Response, g, request
from flask_smorest import Blueprint

from bridge import errors
from bridge.api import answers
from bridge.api.fields import Parser
from bridge.api.once import HEADER as ONCE
from bridge.api.once import LONGEST, once
from bridge.errors import API
from bridge.people import tokens
from bridge.people.roles import Role
from bridge.people.tokens import Caller, Scope
from bridge.pipeline.bridge import Bridge
from runtime.allowances import RateLimit

View = TypeVar("View", bound=Callable[..., Any])

NAME = "api"
JSON = "application/json"
#: What a token looks like at most: nothing longer is looked up.
LONGEST_TOKEN = 128
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow",
    }
)
#: What every call may answer, beside what it is for.
_ALWAYS = (401, 403, 429, 503)


class Calls(Blueprint):  # type: ignore[misc]  # flask-smorest has no types
    """The API's calls, each registered with the role it needs."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(
            NAME,
            __name__,
            url_prefix=API,
            template_folder="templates",
            static_folder="static",
            static_url_path="/static",
        )
        self.bridge = bridge
        #: By endpoint: the role it needs, None for what anybody may ask.
        self.roles: dict[str, Role | None] = {f"{NAME}.static": None}
        #: Calls that tell of the whole installation, and so are for tokens without limits.
        self.whole: set[str] = set()
        self._rate = RateLimit(bridge.settings.api_requests_per_minute)
        self.before_request(self._admit)
        self.after_request(_guarded)

    def call(
        self,
        rule: str,
        *,
        role: Role,
        answer: type[ma.Schema] | None,
        method: str = "GET",
        status: int = 200,
        query: type[ma.Schema] | None = None,
        body: type[ma.Schema] | None = None,
        whole: bool = False,
        refusals: tuple[int, ...] = (),
        tag: str = "",
    ) -> Callable[[View], View]:
        """Register a view under its function's name; its first line of doc is told of it.

        ``answer``: None for a PDF. ``whole``: it tells of the whole installation, and so is not
        for tokens with limits. ``refusals``: statuses beside those that every call may answer.
        """

        def register(view: View) -> View:
            endpoint = view.__name__
            made: Callable[..., Any] = view
            more = {404} if "<" in rule else set()
            more |= {422} if query is not None or method == "POST" else set()
            more |= {400, 409, 415} if method == "POST" else set()
            # First, and by a reference: all that is told of a call is copied with each of these.
            for refused in sorted({*_ALWAYS, *more, *refusals}):
                made = self.alt_response(
                    refused, schema=answers.ERROR, description=answers.REFUSALS[refused]
                )(made)
            if body is not None:
                made = self.arguments(body, location="json", required=_needs_some(body))(made)
            if query is not None:
                made = self.arguments(query, location="query")(made)
            made = self._answering(made, answer, status)
            made = self.doc(**_told(endpoint, role, whole=whole, once=method == "POST"))(made)
            if method == "POST":
                made = self._once(made)
            tags = [tag or rule.split("/")[1]]
            self.add_url_rule(rule, endpoint, made, methods=[method], tags=tags)
            self.roles[f"{NAME}.{endpoint}"] = role
            if whole:
                self.whole.add(f"{NAME}.{endpoint}")
            return view

        return register

    def open_to_all(self, rule: str) -> Callable[[View], View]:
        """Register a page that anybody may see, and that is no call."""

        def register(view: View) -> View:
            endpoint = view.__name__
            # Past flask-smorest, which would tell it in the document.
            super(Blueprint, self).add_url_rule(rule, endpoint, view, methods=["GET"])
            self.roles[f"{NAME}.{endpoint}"] = None
            return view

        return register

    def _answering(
        self, view: Callable[..., Any], answer: type[ma.Schema] | None, status: int
    ) -> Callable[..., Any]:
        if answer is None:
            kind = {"content_type": "application/pdf", "description": "The PDF"}
            pdf = {"type": "string", "format": "binary"}
            made: Callable[..., Any] = self.response(status, pdf, **kind)(view)
        else:
            made = self.response(status, answer, description=(answer.__doc__ or "").strip())(view)
        return made

    def _once(self, view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def wrapped(**given: Any) -> Response:
            return once(self.bridge, lambda: view(**given))

        return wrapped

    def _admit(self) -> Response | None:
        """Turn away who may not ask what they ask."""
        role = self.roles[request.endpoint or ""]
        if role is None:
            return None
        caller = self._who()
        if caller is None:
            return _unknown()
        g.caller = caller
        allowed = self._rate.count(caller.token_id)
        g.allowance = allowed.headers
        if allowed.retry_after is not None:
            return _too_often(allowed.retry_after)
        if not caller.role.covers(role):
            return _not_for(role, caller)
        if request.endpoint in self.whole and caller.is_limited:
            return _not_within()
        if any("\0" in str(value) for value in (request.view_args or {}).values()):
            return errors.answer(404, "not_found", answers.NOT_FOUND)
        if request.method == "POST" and request.get_data() and request.mimetype != JSON:
            return _not_json()
        return None

    def _who(self) -> Caller | None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        token = token.strip()
        if kind.lower() != "bearer" or not token.isascii() or len(token) > LONGEST_TOKEN:
            return None
        return tokens.caller(self.bridge, token) if token else None


def caller() -> Caller:
    """Whose token was shown; only in a call."""
    found: Caller = g.caller
    return found


def _needs_some(body: type[ma.Schema]) -> bool:
    return any(field.required for field in body().fields.values())


def _told(endpoint: str, role: Role, *, whole: bool, once: bool) -> dict[str, Any]:
    """What the document tells of a call beside its schemas."""
    first, *others = endpoint.split("_")
    said: dict[str, Any] = {
        "operationId": first + "".join(word.title() for word in others),
        "security": [{"token": []}],
        "x-required-scope": Scope.of(role).value,
    }
    if whole:
        said["x-whole-installation"] = True
    if once:
        key = {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": "^[!-~]+$"}
        about = "Sent again with the same key, the request is answered as the first time."
        header = {"in": "header", "name": ONCE, "required": False, "description": about}
        said["parameters"] = [{**header, "schema": key}]
    return said


def _unknown() -> Response:
    said = errors.answer(
        401,
        "unauthorized",
        "Send `Authorization: Bearer` and a token that has neither expired nor been revoked. An "
        "admin makes one in the console under Tokens, or with `vaultbridge tokens new`.",
    )
    said.headers["WWW-Authenticate"] = 'Bearer realm="Vaultbridge"'
    return said


def _too_often(seconds: int) -> Response:
    said = errors.answer(
        429,
        "too_many_requests",
        f"This token asks too often. Wait {seconds} seconds; then less at once.",
    )
    said.headers["Retry-After"] = str(seconds)
    return said


def _not_for(role: Role, caller: Caller) -> Response:
    return errors.answer(
        403,
        "scope_needed",
        f"This needs the scope {Scope.of(role)}; this token has {Scope.of(caller.role)}. Ask an "
        "admin for one that has it.",
    )


def _not_within() -> Response:
    return errors.answer(
        403,
        "whole_installation",
        "This tells of the whole installation, and this token is limited to some issuers, sites "
        "or courses of it. Ask an admin for one without limits.",
    )


def _not_json() -> Response:
    return errors.answer(
        415, "unsupported_media_type", f"Send the body as JSON, with `Content-Type: {JSON}`."
    )


def _guarded(response: Response) -> Response:
    for name, value in {**HEADERS, **g.get("allowance", {})}.items():
        response.headers.setdefault(name, value)
    return response
