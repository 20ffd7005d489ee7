"""What the mappings make of an enriched completion. Only looked up and worked out, nothing written.

`bridge.pipeline.mapped` carries a decision out; `bridge.pipeline.preview` shows it.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from bridge.pipeline import holding
from bridge.pipeline.brake import Limits, brake
from bridge.pipeline.causes import cause
from bridge.pipeline.drafts import STEP, draft
from bridge.pipeline.versioned import Versioned, original_mappings
from bridge.store import accounts, completions, erasures, holds, issuances
from bridge.store.completions import Place
from bridge.store.holds import Group
from bridge.store.states import UNSENT, AttemptOutcome, CompletionState, IssuanceState
from connectors.base import Completion
from mappings import engine, rounds
from mappings.model import AgainKind, Mapping
from mappings.ties import undecided

#: Cancelled because another mapping took over: it may come back when that one gives it up.
SUPERSEDED = cause(STEP, "superseded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why it goes no further, and what to do."""

    cause: str
    problem: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one mapping makes of a completion: an issuance, somebody's same one, or trouble."""

    state: CompletionState  #: the completion's, from then on
    mapping: Mapping | None = None
    standing: sa.Row[Any] | None = None  #: the issuance it has under this mapping
    draft: Map[str, Any] | None = None  #: columns of the issuance to make, or to make anew
    hold: Group | None = None  #: with which others it then waits for a person
    same: sa.Row[Any] | None = None  #: the learner's issuance that is this very certificate
    trouble: Trouble | None = None

    @property
    def problem(self) -> str | None:
        """The trouble in a sentence, if there is any."""
        return self.trouble.problem if self.trouble else None

    @property
    def writes_back(self) -> bool:
        """Whether the mapping wants the gradebook told."""
        return self.mapping is not None and self.mapping.write_back.target != "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms completions are mapped."""

    now: datetime
    limits: Limits
    #: By the versions that a completion's issuances were mapped with, where it has any unsent.
    original: bool = False
    asked: bool = False  #: a person asked for it
    taken_back: bool = False  #: as if what a person has discarded of it were not
    #: As if it came then: what was made of it, and what came since, is left out of account.
    as_of: datetime | None = None


UNMATCHED = Decision(
    state=CompletionState.UNMATCHED,
    trouble=Trouble(
        cause=cause(STEP, "no_mapping"),
        problem="No active mapping matches this completion.",
        remedy="If it should be certified, add or widen a mapping, then "
        "`vaultbridge mappings take-up NAME`.",
    ),
)


ERASED = Trouble(
    cause=cause(STEP, "erased"),
    problem="This certificate was issued, and its holder's data erased since.",
    remedy="Nothing: it is not issued again.",
)


def too_early(site: sa.Row[Any], place: Place, found: Completion) -> Decision | None:
    """Set aside what was completed before the site issues; a person may ask for it all the same."""
    moment, start = rounds.moment(found), accounts.issue_from(site)
    if moment >= start:
        return None
    trouble = Trouble(
        cause=cause(STEP, "before_issue_from"),
        problem=f"It was completed at {moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC; the site "
        f"{site.name} issues what is completed from {start:%Y-%m-%d %H:%M} UTC on.",
        remedy=f"Nothing, if that is meant. To issue this one: `vaultbridge replay {place.id}`; "
        f"all since a date: `vaultbridge site set {site.name} --issue-from DATE`.",
    )
    return Decision(state=CompletionState.EARLY, trouble=trouble)


def came(row: sa.Row[Any], *, now: datetime) -> datetime:
    """When it was, or would be, decided what becomes of a completion that is kept."""
    undecided_yet = (CompletionState.FOUND, CompletionState.UNMATCHED, CompletionState.EARLY)
    return now if row.state in undecided_yet else row.created_at


def decide(
    conn: sa.Connection,
    site: sa.Row[Any],
    place: Place,
    found: Completion,
    active: Sequence[Versioned],
    terms: Terms,
) -> Sequence[Decision]:
    """What becomes of a completion, by each mapping that wants it; `UNMATCHED` if none does."""
    first = original_mappings(conn, place.id) if terms.original else ()
    chosen = first or _chosen(site, found, active)
    beside = {each.mapping.name for each in chosen}
    decisions = [_one(conn, site, place, found, each, beside, terms) for each in chosen]
    if not first:
        decisions = [_unless_tied(place, each, decisions) for each in decisions]
    return _each_its_own(place, decisions) or [UNMATCHED]


def summed_up(decisions: Sequence[Decision]) -> Decision:
    """The one that the completion's own row tells: what a person has to mend first, then whatever
    else is not issued, then that something is."""
    held = [each for each in decisions if each.state == CompletionState.HELD]
    in_trouble = [each for each in decisions if each.trouble is not None]
    mapped = [each for each in decisions if each.state == CompletionState.MAPPED]
    shared = (each.same for each in decisions if each.same is not None)
    return replace((*held, *in_trouble, *mapped, *decisions)[0], same=next(shared, None))


def _unless_tied(place: Place, each: Decision, decisions: Sequence[Decision]) -> Decision:
    """Hold a certificate that another mapping of its kind and priority wants to make, too."""
    chosen = [other.mapping for other in decisions if other.mapping is not None]
    if each.mapping is None or each.draft is None:
        return each
    said = undecided(each.mapping, chosen)
    return each if said is None else _held(each, _tie(said, place))


def _tie(said: str, place: Place) -> Trouble:
    return Trouble(
        cause=cause(STEP, "tie"),
        problem=said,
        remedy="Give the one that is to have it a higher priority, or another kind if both are to "
        f"issue; then `vaultbridge replay {place.id}`.",
    )


def _held(each: Decision, trouble: Trouble) -> Decision:
    return replace(each, state=CompletionState.HELD, draft=None, trouble=trouble)


def _each_its_own(place: Place, decisions: Sequence[Decision]) -> Sequence[Decision]:
    """Hold a certificate that another mapping makes of this completion, too."""
    made: dict[str, Mapping] = {}
    own = []
    for each in decisions:
        key = each.draft["natural_key"] if each.draft is not None else None
        first = made.setdefault(key, each.mapping) if key and each.mapping else each.mapping
        own.append(each if first is each.mapping else _held(each, _twice(first, each, place)))
    return own


def _twice(first: Mapping | None, each: Decision, place: Place) -> Trouble:
    names = " and ".join(mapping.name for mapping in (first, each.mapping) if mapping)
    return Trouble(
        cause=cause(STEP, "same_twice"),
        problem=f"The mappings {names} both want to issue for this completion, and their "
        "certificates have the same title and date.",
        remedy=f"Give one of them another title; then `vaultbridge replay {place.id}`.",
    )


def _chosen(
    site: sa.Row[Any], found: Completion, active: Sequence[Versioned]
) -> Sequence[Versioned]:
    wanted = engine.choose([each.mapping for each in active], found, site=site.name)
    return [each for mapping in wanted for each in active if each.mapping is mapping]


def _one(
    conn: sa.Connection,
    site: sa.Row[Any],
    place: Place,
    found: Completion,
    by: Versioned,
    beside: Set[str],
    terms: Terms,
) -> Decision:
    """``beside`` are the names of the mappings that want this completion, this one among them."""
    mapping = by.mapping
    standing = _standing(conn, place, mapping, terms)
    if standing is not None and not _may_be_anew(conn, standing, terms):
        return Decision(state=CompletionState.MAPPED, mapping=mapping, standing=standing)
    if standing is None and (earlier := _earlier(conn, place, found, mapping, terms)) is not None:
        return Decision(state=CompletionState.AGAIN, mapping=mapping, trouble=earlier)
    try:
        issuer = accounts.issuer_named(conn, mapping.issuer)
    except accounts.NotThere as exc:
        trouble = _no_issuer(place, mapping, exc)
        return Decision(
            state=CompletionState.HELD, mapping=mapping, standing=standing, trouble=trouble
        )
    made = draft(issuer, site, place, found, by)
    if made["natural_key"] and erasures.owns(conn, made["natural_key"]):
        return Decision(state=CompletionState.ERASED, mapping=mapping, trouble=ERASED)
    owner = issuances.owner_of_key(conn, made["natural_key"]) if made["natural_key"] else None
    if owner is not None and not _gives_way(conn, owner, place, terms):
        if _same_learner(owner, place):
            return Decision(
                state=CompletionState.SAME, mapping=mapping, standing=standing, same=owner
            )
        made |= _foreign(owner)
    elif (moved := _at_another_issuer(conn, place, made, beside, terms)) is not None:
        return Decision(state=CompletionState.SAME, mapping=mapping, standing=standing, same=moved)
    released = standing is not None and standing.released_at is not None
    return Decision(
        state=CompletionState.MAPPED,
        mapping=mapping,
        standing=standing,
        draft=made,
        hold=_hold(conn, site, place, found, by, terms, released=released)
        if made["state"] != IssuanceState.HELD
        else None,
    )


def _standing(
    conn: sa.Connection, place: Place, mapping: Mapping, terms: Terms
) -> sa.Row[Any] | None:
    if terms.as_of is not None:
        return None
    return issuances.of_completion(conn, place.id, mapping.name)


def _may_be_anew(conn: sa.Connection, standing: sa.Row[Any], terms: Terms) -> bool:
    discarded: bool = standing.cause == holding.DISCARDED
    return (terms.taken_back and discarded) or may_change(conn, standing)


def _hold(
    conn: sa.Connection,
    site: sa.Row[Any],
    place: Place,
    found: Completion,
    by: Versioned,
    terms: Terms,
    *,
    released: bool,
) -> Group | None:
    """What a certificate that could be sent waits for all the same.

    ``released``: a person has let it go before, whatever looked wrong.
    """
    if by.rehearses:
        return holding.rehearsal(by)
    if released:
        return None
    return brake(
        conn, by, site, place, found, limits=terms.limits, now=terms.now, asked=terms.asked
    )


def _at_another_issuer(
    conn: sa.Connection, place: Place, draft: Map[str, Any], beside: Set[str], terms: Terms
) -> sa.Row[Any] | None:
    """The learner's same certificate that an issuer no longer in use for it has issued.

    An issuance belongs to its issuer for ever: a change of issuers issues nothing again. Mappings
    that stand side by side may issue the same by two issuers, if somebody wants that.
    """
    if draft["natural_key"] is None:
        return None
    others = issuances.of_entry(conn, draft, site_id=place.site_id, learner_id=place.learner_id)
    moved = (row for row in others if row.mapping_name not in beside)
    return next((row for row in moved if not _gives_way(conn, row, place, terms)), None)


def _no_issuer(place: Place, mapping: Mapping, exc: accounts.NotThere) -> Trouble:
    return Trouble(
        cause=cause(STEP, "no_issuer"),
        problem=f"The mapping {mapping.name} issues by {mapping.issuer}. {exc}",
        remedy="Add the issuer, or name another in the mapping; then "
        f"`vaultbridge replay {place.id}`.",
    )


def may_change(conn: sa.Connection, standing: sa.Row[Any]) -> bool:
    """A held or failed issuance may be mapped anew while surely nothing of it is at a vault.

    About one that waits together with others a person decides first; a correction is what a person
    wanted, and stays as it is.
    """
    if standing.replaces is not None:
        return False
    superseded = (standing.state, standing.cause) == (IssuanceState.CANCELLED, SUPERSEDED)
    if standing.state not in UNSENT and not superseded:
        return False
    if holds.is_waiting(standing):
        return False
    if standing.vault_uuid is not None:
        return False
    safe = (AttemptOutcome.NOT_SENT, AttemptOutcome.REFUSED, AttemptOutcome.DUPLICATE)
    return all(a.outcome in safe for a in issuances.attempts(conn, standing.id))


def _gives_way(conn: sa.Connection, owner: sa.Row[Any], place: Place, terms: Terms) -> bool:
    """Whether it stands for this very completion and has not been sent: it is superseded."""
    if owner.completion_id != place.id:
        return False
    return terms.as_of is not None or may_change(conn, owner)


def _same_learner(owner: sa.Row[Any], place: Place) -> bool:
    return bool(owner.site_id == place.site_id and owner.learner_id == place.learner_id)


def _foreign(owner: sa.Row[Any]) -> dict[str, Any]:
    return {
        "natural_key": None,
        "state": IssuanceState.HELD,
        "next_run_at": None,
        "cause": cause(STEP, "shared_email", "applicant_email"),
        "problem": f"Learner {owner.learner_id} has a certificate with the same e-mail, title and "
        f"issue date ({owner.id}). One person's certificate is never shown to another.",
        "remedy": "Two learners share an e-mail address: correct it in the LMS, then replay this.",
    }


def _earlier(
    conn: sa.Connection, place: Place, found: Completion, mapping: Mapping, terms: Terms
) -> Trouble | None:
    """What the mapping's ``again`` says of a learner's next round; None to go on."""
    if mapping.again.kind is AgainKind.ALWAYS:
        return None
    others = completions.earlier_rounds(conn, place, completions.provisional_round(found))
    if terms.as_of is not None:
        others = [each for each in others if each.created_at < terms.as_of]
    certified = [e for e in others if e.same_as is not None or _stands(conn, e, mapping)]
    if not certified:
        return None
    last = max(rounds.moment(completions.unpack(each.data)) for each in certified)
    if rounds.certifies(mapping.again, rounds.moment(found), last=last):
        return None
    return Trouble(
        cause=cause(STEP, "earlier_round", place.course_id),
        problem=f"This learner completed the course before ({certified[-1].id}), and the mapping "
        f"{mapping.name} certifies a next round: {mapping.again}.",
        remedy="Nothing, if one certificate is enough; otherwise change `again` in the mapping and "
        f"`vaultbridge replay {place.id}`.",
    )


def _stands(conn: sa.Connection, place: Place, mapping: Mapping) -> bool:
    """Whether a completion has a certificate by a mapping that no person has discarded."""
    standing = issuances.of_completion(conn, place.id, mapping.name)
    return standing is not None and standing.cause != holding.DISCARDED
