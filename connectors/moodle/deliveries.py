"""What the plugin local_webhooks sends, and whether it may be believed.

Observed with local_webhooks 3.0.5 on Moodle 4.5.6: the event's get_data() and with it ``host``,
``token`` (a plain shared secret) and ``extra``. No signature, no timestamp, no delivery id; always
JSON, even where the content type says form; most ids are strings of digits.
https://moodle.org/plugins/local_webhooks
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from connectors.base import (
    Completion,
    Course,
    InboundRequest,
    Learner,
    Malformed,
    Quarantined,
    Unverified,
)
from connectors.moodle.settings import MoodleSettings
from connectors.signatures import require_token
from connectors.wild import Wild

COMPLETED = "\\core\\event\\course_completed"
_LONGEST_NAME = 200
#: ``MoodleBot/4.5 (+https://moodle.example.edu)``: the whole wwwroot, where ``host`` is a part.
_AGENT = re.compile(r"\AMoodleBot/\S* \(\+(https?://[^\s()]+)\)")
_DEFAULT_PORTS: Mapping[str, int] = {"http": 80, "https": 443}


def verify(request: InboundRequest, settings: MoodleSettings) -> None:
    """Raise Unverified unless one of the live secrets stands in the body."""
    try:
        token = Wild.load(request.body)["token"].value
    except Malformed as exc:
        raise Unverified("no body with a token in it") from exc
    require_token(token, secrets=settings.webhook_tokens)


def parse(request: InboundRequest, settings: MoodleSettings) -> Sequence[Completion]:
    """The completion in a delivery; none for any other event."""
    event = Wild.load(request.body)
    if event["eventname"].text() != COMPLETED:
        return []
    _require_own_site(event, request.headers.get("user-agent", ""), settings.base_url)
    return [
        Completion(
            course=Course(id=event["courseid"].identifier()),
            # Not userid: that is whoever ran the code, cron's admin or a teacher.
            learner=Learner(id=event["relateduserid"].identifier()),
            noticed_at=event["timecreated"].unix_time(),
        )
    ]


def event_name(request: InboundRequest) -> str:
    """The event's name in Moodle, or that it has none."""
    try:
        return Wild.load(request.body)["eventname"].text()[:_LONGEST_NAME]
    except Malformed:
        return "unreadable"


def same_site(one: str, other: str) -> bool:
    """Whether two addresses are one Moodle: case of the host, port and last slash do not count."""
    return _normal(one) == _normal(other)


def _require_own_site(event: Wild, agent: str, base_url: str) -> None:
    host = event["host"].text()
    if host.casefold() != (urlsplit(base_url).hostname or "").casefold():
        raise _foreign(host, base_url)
    named = _AGENT.match(agent)
    if named and not same_site(named[1], base_url):
        raise _foreign(named[1], base_url)


def _foreign(named: str, base_url: str) -> Quarantined:
    return Quarantined(
        f"The delivery speaks for {named[:_LONGEST_NAME]}, but this site is {base_url}.",
        remedy="If that is a copy of your Moodle (staging, backup), switch the webhook off there. "
        "If your Moodle has moved, set base_url to its new address, then replay.",
    )


def _normal(address: str) -> tuple[str, str, int | None, str]:
    try:
        parts = urlsplit(address)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return ("", address, None, "")
    return (parts.scheme, (parts.hostname or "").rstrip("."), port, parts.path.rstrip("/"))
