"""The API as one blueprint: its calls, its document, and what is said where something is wrong."""

from __future__ import annotations

from flask import Flask
from flask_smorest import Api
from werkzeug.exceptions import HTTPException

from bridge.api import (
    answers,
    audit,
    connecting,
    corrections,
    deliveries,
    document,
    failures,
    holds,
    issuances,
    mappings,
    overview,
    people,
    places,
    reconciliation,
    replays,
    tokens,
)
from bridge.api.answers import Refused
from bridge.api.door import Calls
from bridge.people import rules
from bridge.pipeline.bridge import Bridge
from bridge.store.accounts import NameTaken, NotThere

PARTS = (
    overview,
    issuances,
    replays,
    holds,
    corrections,
    failures,
    deliveries,
    reconciliation,
    mappings,
    places,
    connecting,
    people,
    tokens,
    audit,
)


class _Api(Api):  # type: ignore[misc]  # flask-smorest has no types
    """flask-smorest's, which leaves errors to us."""

    ERROR_SCHEMA = answers.ErrorAnswer
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """None: the whole application has one shape for errors."""


def install(app: Flask, bridge: Bridge) -> None:
    """Add the API to an application."""
    api = _Api(app, spec_kwargs=document.about(bridge.settings.public_url))
    api.spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    calls = Calls(bridge)
    for part in PARTS:
        part.add_to(calls)
    document.add_to(calls, api)
    calls.register_error_handler(HTTPException, answers.http)
    calls.register_error_handler(Refused, answers.refused)
    calls.register_error_handler(NotThere, answers.not_there)
    calls.register_error_handler(NameTaken, answers.taken)
    calls.register_error_handler(rules.LastAdmin, answers.last_admin)
    calls.register_error_handler(rules.ByInstitution, answers.by_institution)
    calls.register_error_handler(rules.NotThere, answers.no_such_limits)
    api.register_blueprint(calls)
