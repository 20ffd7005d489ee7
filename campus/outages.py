"""The ways in which a Moodle is down, and what a caller then sees.

Source: observed on Moodle 4.5.6; the last two are a network's and PHP's doing.
"""

from __future__ import annotations

from flask import Response

from campus import php
from campus.errors import MoodleError, refuse

MAINTENANCE_PAGE = """<!DOCTYPE html>
<html lang="en">
    <head><title>Campus under maintenance</title></head>
    <body>
        <h1>Campus under maintenance</h1>
        <div class='alert-danger'>The site is undergoing maintenance and is currently not
        available</div>
    </body>
</html>
"""
HTML = {"Content-type": "text/html; charset=utf-8"}
NOTICE = "<br />\n<b>Notice</b>:  Trying to get property of non-object<br />\n"

#: Outages that are a refusal like any other: the errorcode.
REFUSALS = {
    "maintenance": "sitemaintenance",
    "database_down": "dbconnectionfailed",
    "token_removed": "invalidtoken",
    "service_off": "accessexception",
    "token_expired": "accessexception",
    "user_suspended": "wsaccessusersuspended",
}
#: Outages that answer without Moodle's JSON, before any function runs.
WITHOUT_JSON = frozenset({"maintenance_cli", "webservices_off"})
#: Outages that let the function run and spoil its answer.
AFTER = frozenset({"lost_answer", "notice_before_json"})
MODES = frozenset({*REFUSALS, *WITHOUT_JSON, *AFTER})


def before(mode: str | None) -> Response | None:
    """Return the answer of an outage that lets no function run. Raises MoodleError."""
    if mode == "maintenance_cli":
        headers = {**HTML, "Retry-After": "300", "Cache-Control": "no-store, no-cache"}
        return Response(MAINTENANCE_PAGE, status=503, headers=headers)
    if mode == "webservices_off":
        return Response(b"", status=403, headers=HTML)
    if mode in REFUSALS:
        raise refuse(REFUSALS[mode])
    return None


def after(mode: str | None, answer: Response) -> Response:
    """Return the answer as an outage leaves it, the function having run."""
    if mode == "lost_answer":
        # More is promised than comes: the caller sees a connection cut off in the middle.
        answer.headers["Content-Length"] = str(len(answer.get_data()) + 1)
        answer.automatically_set_content_length = False
        return answer
    if mode == "notice_before_json":
        return Response(NOTICE.encode() + answer.get_data(), headers=HTML)
    return answer


def error_answer(error: MoodleError, *, as_json: bool) -> Response:
    """Return a refusal as Moodle sends it: HTTP 200, JSON or XML."""
    content = error.as_json()
    return reply(php.as_json(content) if as_json else php.error_as_xml(content), as_json=as_json)


def reply(content: bytes, *, as_json: bool) -> Response:
    """Return a body under the headers that Moodle's REST server sets."""
    kind = _JSON_HEADERS if as_json else _XML_HEADERS
    return Response(content, headers={**kind, **_NO_CACHE})


_JSON_HEADERS = {"Content-type": "application/json"}
_XML_HEADERS = {
    "Content-type": "application/xml; charset=utf-8",
    "Content-Disposition": 'inline; filename="response.xml"',
}
_NO_CACHE = {
    "X-Powered-By": "PHP/8.2.36",
    "Cache-Control": "private, must-revalidate, pre-check=0, post-check=0, max-age=0",
    "Expires": "Thu, 01 Jan 1970 00:00:00 GMT",
    "Pragma": "no-cache",
    "Accept-Ranges": "none",
    "Access-Control-Allow-Origin": "*",
}
