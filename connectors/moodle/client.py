"""Calling Moodle's web service over REST, as 4.1 to 5.x speak it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import httpx

from connectors.base import Malformed, Temporary
from connectors.moodle.errors import KINDS, Kind, Refusal
from connectors.moodle.settings import MoodleSettings
from connectors.rest import send
from connectors.wild import Wild

T = TypeVar("T")

#: Rows in one call. PHP takes 1000 form fields by default, and a row of save_grades has 7.
BATCH = 100
_LONGEST_MESSAGE = 300
_MARKUP = re.compile(r"<[^>]*>")
#: What a bare status means here: both observed with the web service switched off.
STATUS_REMEDIES: Mapping[int, str] = {
    403: "Enable web services (Site administration → General → Advanced features) and the REST "
    "protocol (Site administration → Server → Web services → Manage protocols).",
    404: "Check base_url: it must be Moodle's wwwroot, with its path if it has one.",
}


class MoodleClient:
    """The functions of one site's web service."""

    def __init__(
        self, settings: MoodleSettings, *, http: httpx.Client, now: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._http = http
        self._now = now

    def call(self, function: str, /, **parameters: Any) -> Wild:
        """What a function returns; a writer returns null.

        Lists and objects among the parameters are written as ``a[0][b]``. Raises Refusal (a
        Permanent) where Moodle says no, Temporary where it may say yes later.
        """
        answer = send(
            self._http,
            self._now,
            "POST",  # with GET the token would stand in the address, and in Moodle's log
            f"{self._settings.base_url}/webservice/rest/server.php",
            remedies=STATUS_REMEDIES,
            data={
                "wstoken": self._settings.token,
                "wsfunction": function,
                "moodlewsrestformat": "json",
                **dict(_flat(parameters)),
            },
        )
        returned = Wild(function, _decoded(function, answer.content).value)
        self._raise_for_error(function, returned)
        return returned

    def _raise_for_error(self, function: str, returned: Wild) -> None:
        value = returned.value
        if not isinstance(value, dict) or "exception" not in value:
            return
        code, message = (
            _plain(value.get(name), hide=self._settings.token) for name in ("errorcode", "message")
        )
        if KINDS.get(code) is Kind.PASSING:
            raise Temporary(f"Moodle could not do {function} now: {code} ({message}).")
        raise Refusal(function, code, message)


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items, at most `BATCH` at a time."""
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def _decoded(function: str, body: bytes) -> Wild:
    # PHP may print a notice before the JSON, under status 200 (observed: "The instance of this
    # module does not exist\n0"); Moodle's JSON itself is always one line.
    for candidate in (body, body.rpartition(b"\n")[2]):
        try:
            return Wild.load(candidate)
        except Malformed:
            continue
    problem = f"Moodle answered {function} with a page that is not JSON."
    raise Temporary(problem, code="not_json")


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield from _flat(child, f"{name}[{key}]" if name else str(key))
    elif isinstance(value, list | tuple):
        for index, child in enumerate(value):
            yield from _flat(child, f"{name}[{index}]")
    else:
        yield name, str(int(value) if isinstance(value, bool) else value)


def _plain(value: object, *, hide: str) -> str:
    """A code or message as one line without markup, whatever was sent in its place."""
    text = value if isinstance(value, str) else json.dumps(value) if value is not None else ""
    return " ".join(_MARKUP.sub(" ", text).replace(hide, "…").split())[:_LONGEST_MESSAGE]
