"""A completion tried from hook to gradebook: what would become of it, and nothing issued.

The LMS is asked as the steps ask it; nothing is written, and no vault is asked.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline import explained
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.explained import Explained, Told
from bridge.pipeline.explained_text import verdict
from bridge.pipeline.versioned import active_mappings
from bridge.store import accounts, completions, deliveries
from connectors.base import Capability, Completion, ConnectorError, Course, Learner

#: How long a person waits for it.
PATIENCE = timedelta(seconds=25)
#: How far back a list of completions is asked for the newest, and what was refused is counted.
LISTED, REFUSED = timedelta(days=30), timedelta(days=1)
#: Tried at a time; more would only wait for one another.
MOST = 8

log = structlog.get_logger()
_free = threading.BoundedSemaphore(MOST)


class Busy(Exception):
    """Others are trying completions: try again in half a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the way."""

    name: str
    ok: bool
    said: str
    remedy: str | None = None
    values: tuple[tuple[str, str], ...] = ()  #: what was found, by its name


def try_completion(
    bridge: Bridge, name: str, *, course: str | None = None, learner: str | None = None
) -> list[Step]:
    """Each step, as far as it came in time: of that learner in that course, or of the newest.

    Raises Busy, bridge.store.accounts.NotThere.
    """
    with bridge.database.read() as conn:
        site = accounts.site_named(conn, name)
    if not _free.acquire(blocking=False):
        raise Busy
    found: list[Step] = []
    worker = threading.Thread(
        target=_work, args=(bridge, site, course, learner, found), daemon=True, name=f"try-{name}"
    )
    worker.start()
    worker.join(PATIENCE.total_seconds())
    steps = list(found)
    if worker.is_alive():
        steps.append(
            Step(
                name="In time",
                ok=False,
                said=f"The LMS has not answered within {PATIENCE.seconds} seconds.",
                remedy="See that it and its network are up, and check the connection.",
            )
        )
    return steps


def _work(
    bridge: Bridge, site: sa.Row[Any], course: str | None, learner: str | None, found: list[Step]
) -> None:
    try:
        for step in _steps(bridge, site, course, learner):
            found.append(step)  # noqa: PERF402  # whoever waits sees what came in time
    except (ConnectorError, accounts.NotThere) as exc:
        remedy = getattr(exc, "remedy", None)
        found.append(Step(name="The LMS's answer", ok=False, said=str(exc), remedy=remedy))
    except Exception as exc:
        log.exception("trial_failed", site=site.name)
        said = f"It failed with {type(exc).__name__}, which is a fault in the program."
        found.append(Step(name="The program", ok=False, said=said, remedy="Report it."))
    finally:
        _free.release()


def _steps(
    bridge: Bridge, site: sa.Row[Any], course: str | None, learner: str | None
) -> Iterator[Step]:
    yield _hook(bridge, site)
    meant, where = _meant(bridge, site, course, learner)
    if meant is None:
        yield Step(
            name="A completion",
            ok=False,
            said="None is known here, and the LMS lists none.",
            remedy="Complete a course as a test learner, or type the ids of a course and a learner "
            "who has completed it.",
        )
        return
    ids = (("Course", meant.course.id), ("Learner", meant.learner.id))
    yield Step(name="A completion", ok=True, said=where, values=ids)
    told = explained.told_by(bridge, site, meant)
    yield Step(
        name="What the LMS tells",
        ok=True,
        said="It was asked just now.",
        values=tuple(_told(told.completion)),
    )
    yield from _mapped(bridge, told)
    yield from _place(bridge, site, meant.course.id)


def _hook(bridge: Bridge, site: sa.Row[Any]) -> Step:
    with bridge.database.read() as conn:
        now = bridge.database.now(conn)
        last = deliveries.of_site(conn, site.id, limit=1)
        refused = sum(
            row.number
            for row in deliveries.refused_since(conn, since=now - REFUSED, names=[site.name])
        )
    turned_away = f"{refused} were turned away in the last day." if refused else ""
    compare = "Compare the secret that the LMS sends with the site's." if refused else None
    if last:
        at = last[0].received_at
        said = f"A genuine delivery came last at {at:%Y-%m-%d %H:%M} UTC. {turned_away}"
        return Step(name="The hook", ok=True, said=said.strip(), remedy=compare)
    return Step(
        name="The hook",
        ok=False,
        said=f"No genuine delivery is kept of this site. {turned_away}".strip(),
        remedy=compare
        or "Enter the hook's address and secret at the LMS, then complete a course as a test "
        "learner.",
    )


def _meant(
    bridge: Bridge, site: sa.Row[Any], course: str | None, learner: str | None
) -> tuple[Completion | None, str]:
    """The completion to try, and where it is from."""
    if course and learner:
        asked = Completion(
            course=Course(id=course), learner=Learner(id=learner), noticed_at=bridge.now()
        )
        return asked, "As you typed it."
    with bridge.database.read() as conn:
        row = completions.newest(conn, site.id)
    if row is not None:
        return completions.unpack(row.data), "The newest that was received."
    connector = bridge.connector_of(site)
    if Capability.LIST_COMPLETIONS not in connector.capabilities():
        return None, ""
    listed = connector.completions(since=bridge.now() - LISTED)
    newest = max(listed, key=lambda one: one.completed_at or one.noticed_at, default=None)
    return newest, "The newest that the LMS lists; no delivery told of it."


def _told(found: Completion) -> Iterator[tuple[str, str]]:
    grade = found.grade
    told = {
        "Learner": found.learner.full_name,
        "E-mail": found.learner.email,
        "Course": found.course.title,
        "Completed at": found.completed_at and f"{found.completed_at:%Y-%m-%d %H:%M} UTC",
        "Grade": None if grade is None else grade.text or f"{grade.percent} %",
        "Role": found.role,
    }
    yield from ((name, str(value)) for name, value in told.items() if value)


def _mapped(bridge: Bridge, told: Told) -> Iterator[Step]:
    with bridge.database.read() as conn:
        active = active_mappings(conn)
    wanting = explained.wanting(active, told)
    if not wanting:
        yield Step(
            name="A mapping",
            ok=False,
            said="No mapping in use wants it.",
            remedy="Publish one whose courses and conditions fit this completion.",
        )
    for by in wanting:
        yield _explained(explained.explain(bridge, by, told, active=active))


def _explained(each: Explained) -> Step:
    return Step(
        name=f"The mapping {each.by.mapping.name}, version {each.by.version}",
        ok=each.would_issue,
        said=f"It {verdict(each)}",
        values=tuple((trace.field, trace.result or "–") for trace in each.result.trace),
    )


def _place(bridge: Bridge, site: sa.Row[Any], course_id: str) -> Iterator[Step]:
    connector = bridge.connector_of(site)
    if Capability.TARGETS not in connector.capabilities():
        return
    for target in connector.targets([course_id]):
        said = "The course has a place for it." if target.found else target.problem
        yield Step(
            name="The gradebook",
            ok=target.found,
            said=said or "The course has no place for it.",
            remedy=None if target.found else target.remedy,
        )
