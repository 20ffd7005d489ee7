"""In which time zone the day of a completion is counted: its course's, its site's, or the setting.

Decided when the completion is mapped, and kept with it, as its instant is: a replay never moves the
day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from connectors.base import Completion, Zone
from mappings.locales import zone_problem


def zoned(found: Completion, site: sa.Row[Any], *, setting: str) -> Completion:
    """The completion with the zone it has, or else is given now."""
    return found if found.zone is not None else replace(found, zone=_zone(found, site, setting))


def _zone(found: Completion, site: sa.Row[Any], setting: str) -> Zone:
    return next(
        Zone(name=name, source=source)
        for source, name in _said(found, site, setting)
        # An LMS may call it otherwise than IANA does.
        if name is not None and zone_problem(name) is None
    )


def _said(found: Completion, site: sa.Row[Any], setting: str) -> Iterator[tuple[str, str | None]]:
    yield "course", found.course.timezone
    yield "site", site.timezone
    yield "setting", setting
