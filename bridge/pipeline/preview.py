"""What a replay would come to, row by row, before anything is set going. Nothing is written.

The LMS is asked as the replay would ask it, and the certificate printed; the vault is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from types import SimpleNamespace
from typing import Any, NamedTuple

import sqlalchemy as sa
import structlog

from bridge.certificates.page import RenderError
from bridge.pipeline import brake, complete, normalise, pages
from bridge.pipeline.brake import Limits
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import bug, cause_of
from bridge.pipeline.decide import Decision, Terms, decide, too_early
from bridge.pipeline.mapped import ORIGINAL
from bridge.pipeline.outlook import Foreseen, Outlook, together
from bridge.pipeline.parts import parts
from bridge.pipeline.replay_plan import Act, Planned, plan
from bridge.pipeline.versioned import Versioned, active_mappings
from bridge.store import accounts, completions, deliveries
from bridge.store.completions import Place
from bridge.store.file_sources import is_from_lms
from bridge.store.states import CompletionState, IssuanceState
from bridge.store.tables import completion
from connectors.base import Completion, Malformed, Permanent, Problem, Quarantined, Temporary

#: Learners an LMS is asked about at once, as the step itself asks.
BATCH = complete.BATCH


log = structlog.get_logger()


class _Sketch(NamedTuple):
    """What would become a completion's row."""

    id: str
    site_id: str
    course_id: str
    learner_id: str


@dataclass(slots=True, kw_only=True)
class _Ahead:
    """What this preview has foreseen so far, and what it maps with."""

    active: Sequence[Versioned]
    original: bool
    #: The keys of certificates that would be issued, and for whom.
    keys: dict[str, tuple[str, str]]


def foresee(bridge: Bridge, ids: Sequence[str], *, mapping: str) -> Iterator[Foreseen]:
    """What a replay of each id would come to, some at a time as they are known."""
    with bridge.database.read() as conn:
        ahead = _Ahead(active=active_mappings(conn), original=mapping == ORIGINAL, keys={})
    for chunk in parts(ids, BATCH):
        with bridge.database.read() as conn:
            planned = plan(conn, chunk, mapping=mapping, now=bridge.database.now(conn))
        mapped = _completions(bridge, planned, ahead)
        for each in planned:
            yield mapped.get(each.id) or _other(bridge, each, ahead)


def _delivery(bridge: Bridge, planned: Planned, ahead: _Ahead) -> Foreseen:
    row: Any = planned.row
    try:
        with bridge.database.read() as conn:
            connector = bridge.connector_of(accounts.site_by_id(conn, row.site_id))
        told = connector.parse(deliveries.unseal(row.request, keys=bridge.keys))
    except (Malformed, Quarantined, Permanent) as exc:
        return _fails(row, cause_of(normalise.STEP, exc), str(exc))
    except Exception as exc:
        log.exception("preview_failed", delivery_id=row.id)
        return _fails(row, *_fault(normalise.STEP, exc))
    if not told:
        said = "It holds no completion; nothing is kept of it."
        return Foreseen(id=row.id, outlook=Outlook.UNCHANGED, said=said)
    places = [
        _Sketch(f"{row.id} {number}", row.site_id, found.course.id, found.learner.id)
        for number, found in enumerate(told, start=1)
    ]
    each = _at_site(bridge, row.site_id, places, told, ahead, asked=False)
    return together(row.id, each, what="completions")


def _fault(step: str, exc: Exception) -> tuple[str, str]:
    name = type(exc).__name__
    return bug(step, name), f"It fails with {name}, which is a fault in the program."


def _other(bridge: Bridge, planned: Planned, ahead: _Ahead) -> Foreseen:
    match planned.act:
        case Act.READ:
            return _delivery(bridge, planned, ahead)
        case Act.ASK | Act.RETRY | Act.CORRECT | Act.REVOKE:
            outlook = Outlook.VAULT
        case Act.WRITE:
            outlook = Outlook.WRITTEN
        case Act.PRINT:
            outlook = Outlook.WAITS
        case _:
            outlook = Outlook.UNCHANGED
    return Foreseen(id=planned.id, outlook=outlook, said=planned.said)


def _completions(bridge: Bridge, planned: Sequence[Planned], ahead: _Ahead) -> dict[str, Foreseen]:
    """Those that would be mapped, by id; each site is asked once."""
    ids = {p.id: p.completion_id for p in planned if p.act is Act.MAP}
    with bridge.database.read() as conn:
        query = sa.select(completion).where(completion.c.id.in_(ids.values()))
        rows = {row.id: row for row in conn.execute(query)}
    wanted = sorted(ids, key=lambda row_id: rows[str(ids[row_id])].site_id)
    found: dict[str, Foreseen] = {}
    for site_id, group in groupby(wanted, key=lambda row_id: rows[str(ids[row_id])].site_id):
        names = list(group)
        places = [rows[str(ids[name])] for name in names]
        told = [completions.unpack(row.data) for row in places]
        outlooks = _at_site(bridge, site_id, places, told, ahead, asked=True)
        found |= {name: replace(one, id=name) for name, one in zip(names, outlooks, strict=True)}
    return found


def _at_site(
    bridge: Bridge,
    site_id: str,
    places: Sequence[Place],
    told: Sequence[Completion],
    ahead: _Ahead,
    *,
    asked: bool,
) -> Sequence[Foreseen]:
    with bridge.database.read() as conn:
        site = accounts.site_by_id(conn, site_id)
    answers = _answers(bridge, site, told)
    known = limits(bridge, site, answers)
    return [
        _outlook(bridge, site, place, answer, ahead, known, asked=asked)
        for place, answer in zip(places, answers, strict=True)
    ]


def _answers(
    bridge: Bridge, site: sa.Row[Any], told: Sequence[Completion]
) -> Sequence[Completion | Problem | Exception]:
    """What the LMS says of each, or why it says nothing."""
    try:
        return complete.enriched(bridge, site, bridge.connector_of(site), told)
    except (Temporary, Permanent) as exc:
        return [exc] * len(told)
    except Exception as exc:
        if len(told) > 1:  # one of them spoils the batch
            return [answer for one in told for answer in _answers(bridge, site, [one])]
        log.exception("preview_failed", site=site.name)
        return [exc]


def limits(
    bridge: Bridge, site: sa.Row[Any], answers: Sequence[Completion | Problem | Exception]
) -> Limits:
    """The brake's limits for these completions; how many are enrolled only where the LMS says."""
    try:
        return brake.limits(bridge, site, answers)
    except Temporary:
        return brake.limits(bridge, site, ())


def _outlook(
    bridge: Bridge,
    site: sa.Row[Any],
    place: Place,
    answer: Completion | Problem | Exception,
    ahead: _Ahead,
    limits: Limits,
    *,
    asked: bool,
) -> Foreseen:
    if isinstance(answer, Completion):
        with bridge.database.read() as conn:
            return _mapped(bridge, conn, site, place, answer, ahead, limits, asked=asked)
    if isinstance(answer, Temporary):
        return Foreseen(id=place.id, outlook=Outlook.UNKNOWN, said=answer.problem)
    if isinstance(answer, Permanent | Malformed | Problem):
        return _fails(place, cause_of(complete.NAME, answer), answer.problem)
    return _fails(place, *_fault(complete.NAME, answer))


def _fails(place: Place, cause: str, problem: str) -> Foreseen:
    return Foreseen(id=place.id, outlook=Outlook.FAILS, said=problem, cause=cause)


def _mapped(
    bridge: Bridge,
    conn: sa.Connection,
    site: sa.Row[Any],
    place: Place,
    found: Completion,
    ahead: _Ahead,
    limits: Limits,
    *,
    asked: bool,
) -> Foreseen:
    known = completions.same_round(conn, place, completions.provisional_round(found))
    if known is not None:
        said = f"It tells what {known} tells."
        return Foreseen(id=place.id, outlook=Outlook.UNCHANGED, said=said)
    if not asked and (early := too_early(site, place, found)) is not None:
        return _decided(bridge, conn, place, early, ahead)
    terms = Terms(
        now=bridge.database.now(conn),
        limits=limits,
        original=ahead.original,
        asked=asked,
        taken_back=getattr(place, "state", None) == CompletionState.DISCARDED,
    )
    decisions = decide(conn, site, place, found, ahead.active, terms)
    each = [_decided(bridge, conn, place, decision, ahead) for decision in decisions]
    return together(place.id, each, what="certificates")


def _decided(
    bridge: Bridge, conn: sa.Connection, place: Place, decision: Decision, ahead: _Ahead
) -> Foreseen:
    if decision.trouble is not None:
        return _fails(place, decision.trouble.cause, decision.trouble.problem)
    if decision.same is not None:
        said = f"The learner has the same certificate already: {decision.same.id}."
        return Foreseen(id=place.id, outlook=Outlook.UNCHANGED, said=said)
    if decision.draft is None:
        said = "It has its issuance already."
        return Foreseen(id=place.id, outlook=Outlook.UNCHANGED, said=said)
    made = _drafted(bridge, conn, place, SimpleNamespace(**decision.draft), ahead)
    if decision.hold is None or made.outlook is not Outlook.ISSUED:
        return made
    return replace(made, outlook=Outlook.WAITS, said=f"{made.said}. {decision.hold.problem}")


def _drafted(
    bridge: Bridge, conn: sa.Connection, place: Place, draft: Any, ahead: _Ahead
) -> Foreseen:
    if draft.state == IssuanceState.HELD:
        if draft.cause.startswith("complete.shared_email"):
            return Foreseen(
                id=place.id, outlook=Outlook.COLLIDES, said=draft.problem, cause=draft.cause
            )
        return _fails(place, draft.cause, draft.problem)
    learner, first = ahead.keys.setdefault(draft.natural_key, (place.learner_id, place.id))
    if first != place.id:
        return _second(place, first, theirs=learner != place.learner_id)
    said = f"{draft.certificate_title} · {draft.full_name} · {draft.issue_date}"
    if is_from_lms(draft.certificate):
        said += ", with the file that the LMS makes"
        return Foreseen(id=place.id, outlook=Outlook.ISSUED, said=said)
    try:
        bridge.renderer.render(pages.page_of(draft, accounts.issuer_by_id(conn, draft.issuer_id)))
    except RenderError as exc:
        return _fails(place, cause_of("issue", exc), exc.problem)
    return Foreseen(id=place.id, outlook=Outlook.ISSUED, said=said)


def _second(place: Place, first: str, *, theirs: bool) -> Foreseen:
    """Another of this very replay would have the same certificate."""
    if theirs:
        said = f"Another learner's, {first}, would have the same e-mail, title and issue date."
        return Foreseen(id=place.id, outlook=Outlook.COLLIDES, said=said)
    said = f"The learner would have the same certificate by {first}."
    return Foreseen(id=place.id, outlook=Outlook.UNCHANGED, said=said)
