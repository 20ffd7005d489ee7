"""What a mapping makes of one completion: each field and where it came from, and the page.

Nothing is written, and no vault is asked. The LMS is read where it is wanted, as the step reads it,
and how many are enrolled where very many completed the course in one day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import sqlalchemy as sa

from bridge.certificates.page import Page
from bridge.pipeline import complete, drafts, pages, preview
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.decide import Decision, Terms, came, decide, too_early
from bridge.pipeline.mapped import SAME_CERTIFICATE
from bridge.pipeline.versioned import Versioned
from bridge.pipeline.zones import zoned
from bridge.store import accounts, completions
from bridge.store.completions import Place
from bridge.store.states import CompletionState, IssuanceState
from connectors.base import Completion, InboundRequest, Permanent
from mappings import engine, model
from mappings.ties import undecided


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One completion to look at, and the row of its site."""

    id: str | None  #: None where it is no row of ours
    site: sa.Row[Any]
    completion: Completion
    as_of: datetime  #: as if it came then

    @property
    def place(self) -> Place:
        """Whose it is, as its row says or would say."""
        return _place(self.id or "", self.site, self.completion)


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why nothing is issued at once for a completion that a mapping has."""

    state: CompletionState  #: the completion's, then
    cause: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One completion under one mapping."""

    told: Told
    by: Versioned
    misfit: str | None  #: the key of the document for which it does not want the completion
    rival: str | None  #: the mapping that has it instead
    tie: str | None  #: that one of its priority wants it, too
    obstacle: Obstacle | None  #: None also where the mapping does not have it
    result: engine.Entry | engine.Held
    page: Page | None  #: None where there is no entry, or the LMS makes the file

    @property
    def would_issue(self) -> bool:
        """Whether the mapping, if it is active, issues for this completion."""
        return (self.misfit, self.rival, self.obstacle) == (None, None, None)


def kept(bridge: Bridge, completion_id: str, *, ask: bool) -> Told:
    """A completion as it is kept, or as its LMS tells it now.

    Raises bridge.store.accounts.NotThere, and what connectors raise.
    """
    with bridge.database.read() as conn:
        row = completions.by_id(conn, completion_id)
        if row is None:
            raise accounts.NotThere(f"There is no completion {completion_id!r}.")
        site = accounts.site_by_id(conn, row.site_id)
    found = completions.unpack(row.data)
    asked = _asked(bridge, site, [found])[0] if ask else found
    return _told(bridge, row, site, asked)


def delivered(bridge: Bridge, site_name: str, body: bytes, *, ask: bool) -> Sequence[Told]:
    """The completions in a webhook's body, as recorded, or as the LMS tells them now.

    It need not be genuine. Raises bridge.store.accounts.NotThere, and what connectors raise.
    """
    with bridge.database.read() as conn:
        site = accounts.site_named(conn, site_name)
    found = bridge.connector_of(site).parse(InboundRequest(body=body, headers={}))
    told = _asked(bridge, site, found) if ask and found else found
    return [_told(bridge, _known(bridge, site, each), site, each) for each in told]


def told_by(bridge: Bridge, site: sa.Row[Any], found: Completion) -> Told:
    """A completion as its LMS tells it now, whether or not it was received before.

    Raises what connectors raise.
    """
    (asked,) = _asked(bridge, site, [found])
    return _told(bridge, _known(bridge, site, asked), site, asked)


def _known(bridge: Bridge, site: sa.Row[Any], found: Completion) -> sa.Row[Any] | None:
    """The row of a completion that was received before."""
    with bridge.database.read() as conn:
        round_ = completions.provisional_round(found)
        row_id = completions.same_round(conn, _place("", site, found), round_)
        return None if row_id is None else completions.by_id(conn, row_id)


def _told(bridge: Bridge, row: sa.Row[Any] | None, site: sa.Row[Any], found: Completion) -> Told:
    with bridge.database.read() as conn:
        now = bridge.database.now(conn)
    return Told(
        id=None if row is None else row.id,
        site=site,
        completion=zoned(found, site, setting=bridge.settings.timezone),
        as_of=now if row is None else came(row, now=now),
    )


def _place(row_id: str, site: sa.Row[Any], found: Completion) -> Place:
    return SimpleNamespace(
        id=row_id, site_id=site.id, course_id=found.course.id, learner_id=found.learner.id
    )


def _asked(bridge: Bridge, site: sa.Row[Any], found: Sequence[Completion]) -> Sequence[Completion]:
    outcomes = complete.enriched(bridge, site, bridge.connector_of(site), found)
    for outcome in outcomes:
        if not isinstance(outcome, Completion):
            raise Permanent(outcome.problem, remedy=outcome.remedy, code=outcome.code)
    return cast(Sequence[Completion], outcomes)


def wanting(active: Sequence[Versioned], told: Told) -> Sequence[Versioned]:
    """Those of the active mappings that have a completion."""
    chosen = _chosen([each.mapping for each in active], told)
    return [each for each in active if each.mapping in chosen]


def explain(bridge: Bridge, by: Versioned, told: Told, *, active: Sequence[Versioned]) -> Explained:
    """What a mapping makes of a completion, whether or not it is the one that has it.

    It stands in for the active one of its name. Raises bridge.store.accounts.NotThere where there
    is no such issuer.
    """
    with bridge.database.read() as conn:
        issuer = accounts.issuer_named(conn, by.mapping.issuer)
    draft = drafts.draft(issuer, told.site, told.place, told.completion, by)
    made: Any = SimpleNamespace(**draft)
    together = [*(each for each in active if each.mapping.name != by.mapping.name), by]
    chosen = _chosen([each.mapping for each in together], told)
    return Explained(
        told=told,
        by=by,
        misfit=engine.misfit(by.mapping, told.completion, site=told.site.name),
        rival=next(_rivals(by.mapping, chosen), None),
        tie=undecided(by.mapping, chosen) if by.mapping in chosen else None,
        obstacle=_obstacle(bridge, by, told, together),
        result=engine.apply(by.mapping, told.completion, site=told.site.name, traced=True),
        page=pages.page_of(made, issuer) if made.state == IssuanceState.READY else None,
    )


def _obstacle(
    bridge: Bridge, by: Versioned, told: Told, together: Sequence[Versioned]
) -> Obstacle | None:
    """What the step would say of it, as if it came when it did."""
    limits = preview.limits(bridge, told.site, [told.completion])
    terms = Terms(now=told.as_of, limits=limits, as_of=told.as_of)
    early = too_early(told.site, told.place, told.completion)
    with bridge.database.read() as conn:
        decisions = decide(conn, told.site, told.place, told.completion, together, terms)
    its_own = [each for each in decisions if each.mapping is by.mapping]
    return _against(early or its_own[0]) if its_own else None


def _against(decision: Decision) -> Obstacle | None:
    draft, state = decision.draft or {}, decision.state
    if decision.trouble is not None:
        said = decision.trouble
        return Obstacle(state=state, cause=said.cause, problem=said.problem)
    if decision.same is not None:
        problem = f"The learner has the same certificate already: {decision.same.id}."
        return Obstacle(state=state, cause=SAME_CERTIFICATE, problem=problem)
    if draft.get("state") == IssuanceState.HELD:
        return Obstacle(state=state, cause=draft["cause"], problem=draft["problem"])
    if decision.hold is not None:
        return Obstacle(state=state, cause=decision.hold.cause, problem=decision.hold.problem)
    return None


def _rivals(mapping: model.Mapping, chosen: Sequence[model.Mapping]) -> Iterator[str]:
    """Those of its kind that are asked first and want the completion."""
    if mapping not in chosen:
        yield from (each.name for each in chosen if each.kind == mapping.kind)


def _chosen(mappings: Sequence[model.Mapping], told: Told) -> Sequence[model.Mapping]:
    return engine.choose(mappings, told.completion, site=told.site.name)
