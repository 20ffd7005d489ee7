"""From which day to which, as a list's address says it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from flask_babel import gettext


def days(given: Mapping[str, str]) -> tuple[datetime | None, datetime | None, dict[str, str]]:
    """When the day ``since`` begins and ``until`` ends (UTC), and what is wrong, by name."""
    moments: dict[str, datetime] = {}
    wrong: dict[str, str] = {}
    for name in ("since", "until"):
        if given[name]:
            try:
                moments[name] = datetime.strptime(given[name], "%Y-%m-%d").replace(tzinfo=UTC)
            except ValueError:
                wrong[name] = gettext("Give a day as YYYY-MM-DD.")
    last = moments.get("until")
    return moments.get("since"), None if last is None else last + timedelta(days=1), wrong
