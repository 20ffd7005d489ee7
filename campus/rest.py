"""The web service: ``/webservice/rest/server.php``, one address for every function."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from flask import Blueprint, Response, request

from campus import outages, php
from campus.capabilities import NEEDS
from campus.errors import MoodleError, refuse
from campus.functions.table import FUNCTIONS, NOT_IN_SERVICE, Function
from campus.moodle import Moodle
from campus.params import check

FORM = "application/x-www-form-urlencoded"
#: Fields that are the protocol's, not the function's.
PROTOCOL = ("wstoken", "wsfunction", "moodlewsrestformat", "moodlewssettingraw")


def blueprint(moodle: Moodle) -> Blueprint:
    """Return the routes of the web service."""
    routes = Blueprint("rest", __name__)

    @routes.route("/webservice/rest/server.php", methods=["GET", "POST"])
    def server() -> Response:
        form = php.read_form(_pairs(), max_input_vars=moodle.settings.max_input_vars)
        moodle.count(str(form.get("wsfunction")))
        as_json = form.get("moodlewsrestformat") == "json"
        mode = moodle.take_outage()
        try:
            if (answer := outages.before(mode)) is not None:
                return answer
            result = call(moodle, form)
        except MoodleError as error:
            if mode == "token_expired":
                moodle.switches.outage = "token_removed"
            return outages.error_answer(error, as_json=as_json)
        content = php.as_json(result) if as_json else php.as_xml(result)
        return outages.after(mode, outages.reply(content, as_json=as_json))

    return routes


def call(moodle: Moodle, form: php.Form) -> Any:
    """Run the function that a form asks for and return its result. Raises MoodleError."""
    _authenticate(moodle, form)
    name = form.get("wsfunction")
    function = _find(moodle, name)
    params = check(function.parameters, {k: v for k, v in form.items() if k not in PROTOCOL})
    for need in NEEDS.get(str(name), ()):
        if not moodle.can(need.capability):
            raise refuse(need.errorcode, **params, **need.what)
    moodle.dawdle()
    return function.run(moodle, params)


def _pairs() -> Iterator[tuple[str, str]]:
    # A token in a header, or a JSON body, is not read.
    yield from parse_qsl(request.query_string.decode(), keep_blank_values=True)
    if request.mimetype == FORM:
        yield from parse_qsl(request.get_data(as_text=True), keep_blank_values=True)
    else:
        yield from request.form.items(multi=True)


def _authenticate(moodle: Moodle, form: php.Form) -> None:
    token = str(form.get("wstoken", ""))
    if not hmac.compare_digest(token.encode(), moodle.settings.ws_token.encode()):
        raise refuse("invalidtoken")
    if not moodle.can("webservice/rest:use"):
        raise refuse("accessexception")


def _find(moodle: Moodle, name: object) -> Function:
    if not isinstance(name, str):
        raise refuse("invalidparameter")
    if name in NOT_IN_SERVICE or name in moodle.switches.functions_off:
        raise refuse("accessexception")
    if name not in FUNCTIONS:
        raise refuse("invalidrecord", table="external_functions")
    return FUNCTIONS[name]
