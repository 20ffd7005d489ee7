"""What local_webhooks 3.0.5 sends, byte for byte: synchronously, once, without trying again.

Source: captured on Moodle 4.5.6 with local_webhooks as released.
"""

from __future__ import annotations

import http.client
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from campus import php
from campus.moodle import Moodle, Settings

#: There is a limit for connecting (lib/filelib.php) and none for waiting.
CONNECT_TIMEOUT_S = 30.0
NOT_SENT = "Error sending request"
#: Moodle's course contexts lie this far from the courses' ids, on the recorded site.
CONTEXT_OFFSET = 35
CONTEXT_COURSE, EDULEVEL_PARTICIPATING = 50, 2

_CONNECTIONS: dict[str, type[http.client.HTTPConnection]] = {
    "http": http.client.HTTPConnection,
    "https": http.client.HTTPSConnection,
}


def body(
    settings: Settings,
    *,
    objectid: int,
    userid: int,
    course: int,
    learner: int,
    at: int,
    token: str | None = None,
) -> bytes:
    """Return the body for one ``course_completed`` event: get_data() and three keys more.

    ``userid`` is whoever ran the code, ``learner`` stands in relateduserid. Ids that PHP took from
    the database are texts, the others numbers. ``token`` stands in place of the settings' secret.
    """
    return php.as_json(
        {
            "eventname": "\\core\\event\\course_completed",
            "component": "core",
            "action": "completed",
            "target": "course",
            "objecttable": "course_completions",
            "objectid": str(objectid),
            "crud": "u",
            "edulevel": EDULEVEL_PARTICIPATING,
            "contextid": CONTEXT_OFFSET + course,
            "contextlevel": CONTEXT_COURSE,
            "contextinstanceid": str(course),
            "userid": str(userid),
            "courseid": str(course),
            "relateduserid": str(learner),
            "anonymous": 0,
            "other": {"relateduserid": str(learner)},
            "timecreated": at,
            "host": urlsplit(settings.wwwroot).hostname,
            "token": settings.hook_token if token is None else token,
            "extra": settings.hook_extra,
        }
    )


def send(moodle: Moodle, content: bytes) -> str | None:
    """Post a body to the hook and return what Moodle logs of the answer; None without a hook."""
    hook = moodle.switches.hook_url or moodle.settings.hook_url
    if hook is None or moodle.switches.hook_off:
        return None
    url = urlsplit(hook)
    if moodle.switches.curl_security and _blocked(url):
        return NOT_SENT
    try:
        return _post(url, content, moodle.settings, cut=moodle.switches.hook_cut)
    except (OSError, http.client.HTTPException):
        return NOT_SENT


def _post(url: SplitResult, content: bytes, settings: Settings, *, cut: bool) -> str:
    # Not httpx: the recorded request has these headers and no others.
    connection = _CONNECTIONS[url.scheme](url.netloc, timeout=CONNECT_TIMEOUT_S)
    try:
        connection.connect()
        connection.sock.settimeout(None)
        target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        connection.putrequest("POST", target, skip_host=True, skip_accept_encoding=True)
        for name, value in _headers(url, content, settings).items():
            connection.putheader(name, value)
        connection.endheaders(content[: len(content) // 2] if cut else content)
        if cut:
            return NOT_SENT
        answer = connection.getresponse()
        answer.read()
        return f"{answer.status} {answer.reason}"
    finally:
        connection.close()


def _headers(url: SplitResult, content: bytes, settings: Settings) -> dict[str, str]:
    return {
        "Host": url.netloc,
        "Accept": "*/*",
        "Accept-Encoding": "deflate, gzip, br, zstd",
        "Content-Type": settings.hook_content_type,
        "User-Agent": f"MoodleBot/4.5 (+{settings.wwwroot})",
        "Content-Length": str(len(content)),
    }


def _blocked(url: SplitResult) -> bool:
    """Moodle's defaults: curlsecurityblockedhosts and curlsecurityallowedport (80, 443)."""
    host = url.hostname or ""
    port = url.port or {"http": 80, "https": 443}[url.scheme]
    if port not in (80, 443) or host == "localhost":
        return True
    try:
        return ip_address(host).is_private
    except ValueError:
        return False
