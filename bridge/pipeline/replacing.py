"""One certificate in another's place: made, sent when it may be, and the other one revoked.

The newer comes first, so that there is always a valid one. Where both have the same e-mail, title
and issue date, no vault takes the newer before the older is revoked: then that comes first. A date
is never changed to get past this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import cause
from bridge.pipeline.standing import spoken
from bridge.store import accounts, events, issuances, mails, revocations, write_backs
from bridge.store.file_sources import first_state
from bridge.store.states import AttemptOutcome, IssuanceState, RevocationState
from bridge.store.troubles import MENDED, troubled
from connectors.base import Permanent
from mappings import engine

STEP = "correct"
KEY_KEPT = cause(STEP, "key_kept")
SUPERSEDED = cause(STEP, "superseded")
REVOKED = "revoked"
#: Where a certificate that is to replace another has not been sent, or was refused.
WAITS = (IssuanceState.WAITING, IssuanceState.HELD, IssuanceState.FAILED)
#: Ends of attempts that have surely made no certificate.
HARMLESS = (AttemptOutcome.NOT_SENT, AttemptOutcome.REFUSED, AttemptOutcome.DUPLICATE)


class Collides(Exception):
    """Another certificate has the e-mail, title and issue date that this one would have."""

    def __init__(self, owner: sa.Row[Any]) -> None:
        super().__init__(f"{owner.id} has the same e-mail, title and issue date.")
        self.owner = owner


def why_not(conn: sa.Connection, row: sa.Row[Any]) -> str | None:
    """Why an issuance cannot be corrected now, and the next move; None if it can."""
    newest = issuances.chain(conn, row)[0]
    if newest.id != row.id:
        return f"It is replaced by {newest.id} already: correct that one."
    if row.state == IssuanceState.GENERATED or _gives_way(conn, row):
        return None
    if row.state == IssuanceState.CANCELLED:
        return "It is cancelled: there is no certificate to correct."
    if row.state in (IssuanceState.HELD, IssuanceState.FAILED):
        return f"It is {row.state}, not issued: `vaultbridge show {row.id}` says what to do."
    return (
        f"It is on its way ({row.state}): correct it once it is issued. "
        f"`vaultbridge show {row.id}` tells how far it is."
    )


def _gives_way(conn: sa.Connection, row: sa.Row[Any]) -> bool:
    """Whether it is to replace another, and surely nothing of it is at a vault."""
    if row.replaces is None or row.state not in WAITS or row.vault_uuid is not None:
        return False
    return all(a.outcome in HARMLESS for a in issuances.attempts(conn, row.id))


def key_of(row: Any) -> str:
    """The natural key of an issuance's entry, whoever owns it now."""
    return engine.natural_key(row.issuer_id, row)


def make(
    conn: sa.Connection,
    old: sa.Row[Any],
    columns: Mapping[str, Any],
    *,
    correction: sa.Row[Any],
    can_revoke: bool | None,
    now: datetime,
) -> str:
    """Make the certificate that stands in the place of ``old``; return its id.

    `why_not` has nothing against it. ``can_revoke``: whether the vault can; None if nobody knows.
    Raises Collides.
    """
    replaced = old
    if old.state != IssuanceState.GENERATED:
        replaced = _withdraw(conn, old, now=now)
    goes, key = first_state(columns["certificate"]), str(columns["natural_key"])
    way = _way(conn, replaced, key, goes=goes, can_revoke=can_revoke)
    if way.takes_key:
        issuances.change(conn, replaced.id, now=now, natural_key=None)
    place = {"revision": old.revision + 1, "replaces": replaced.id}
    begins = way.columns(None, replaced, now=now)
    row_id = issuances.add(conn, now=now, **{**columns, **begins, **place})
    revocations.put(
        conn,
        replaced,
        replaced_by=row_id,
        correction_id=correction.id,
        state=way.revocation,
        now=now,
    )
    write_backs.tell_as(conn, row_id, told=replaced.id)
    who, why = correction.who, f"{correction.reason} · {correction.id}"
    events.record(
        conn, replaced.id, f"corrected by {row_id}", at=now, who=who, detail=why, act=False
    )
    events.record(conn, row_id, way.state.value, at=now, detail=f"corrects {replaced.id}")
    return row_id


def _withdraw(conn: sa.Connection, unsent: sa.Row[Any], *, now: datetime) -> sa.Row[Any]:
    """Give up a correction that was never sent; return what it was to replace."""
    problem = "It was corrected before it was sent."
    said = troubled(unsent, cause=SUPERSEDED, problem=problem, remedy=None, now=now)
    cancelled = IssuanceState.CANCELLED
    issuances.change(
        conn, unsent.id, now=now, state=cancelled, natural_key=None, next_run_at=None, **said
    )
    events.record(conn, unsent.id, cancelled.value, at=now, detail=problem)
    give_key_back(conn, _by_id(conn, unsent.replaces), now=now)
    return _by_id(conn, unsent.replaces)


def give_key_back(conn: sa.Connection, replaced: sa.Row[Any], *, now: datetime) -> None:
    """What is not revoked stands under its key at the vault: nobody else's entry gets that."""
    if replaced.vault_status != REVOKED:
        issuances.change(conn, replaced.id, now=now, natural_key=key_of(replaced))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How the newer certificate begins, and what becomes of the older."""

    state: IssuanceState
    revocation: RevocationState
    key: str | None
    takes_key: bool  #: from the older one

    def columns(
        self, row: sa.Row[Any] | None, replaced: sa.Row[Any], *, now: datetime
    ) -> dict[str, Any]:
        """``row`` is the newer one as it was, if it was there before."""
        goes = self.state in (IssuanceState.READY, IssuanceState.FETCHING)
        said: Mapping[str, Any] = MENDED
        if self.state is IssuanceState.HELD:
            said = key_kept(row, replaced, now=now)
        due = {"state": self.state, "natural_key": self.key, "next_run_at": now if goes else None}
        return {**due, **said}


def _way(
    conn: sa.Connection,
    replaced: sa.Row[Any],
    key: str,
    *,
    goes: IssuanceState,
    can_revoke: bool | None,
    this: str | None = None,
) -> _Way:
    """``goes`` is where it begins if it waits for nothing of the older one's.

    ``this`` is the newer one's id, if it was there before. Raises Collides.
    """
    owner = issuances.owner_of_key(conn, key)
    if owner is not None and owner.id not in (replaced.id, this):
        raise Collides(owner)
    revoked = replaced.vault_status == REVOKED
    same = key == key_of(replaced)
    if can_revoke is False and not revoked:
        state = IssuanceState.HELD if same else goes
        kept = RevocationState.KEPT
        return _Way(state=state, revocation=kept, key=None if same else key, takes_key=False)
    if same and not revoked:
        waiting, due = IssuanceState.WAITING, RevocationState.DUE
        return _Way(state=waiting, revocation=due, key=key, takes_key=True)
    waits = RevocationState.REVOKED if revoked else RevocationState.WAITING
    return _Way(state=goes, revocation=waits, key=key, takes_key=same)


def key_kept(row: sa.Row[Any] | None, replaced: sa.Row[Any], *, now: datetime) -> Mapping[str, Any]:
    """What is said of a certificate that no vault takes before the older one is revoked."""
    return troubled(
        row,
        cause=KEY_KEPT,
        problem=f"Its vault cannot revoke {replaced.reference_id}, and takes no other with the "
        "same e-mail, title and issue date.",
        remedy="Ask the vault's operator to revoke the older one, then replay this; or correct the "
        "title or the e-mail, too.",
        now=now,
    )


def again(conn: sa.Connection, row: sa.Row[Any], *, now: datetime) -> Mapping[str, Any]:
    """A person replays a correction that was held or refused: the columns it begins with anew.

    Its entry and file are as they were. Raises Collides.
    """
    row = issuances.locked(conn, row.id)
    replaced = _by_id(conn, row.replaces)
    goes = IssuanceState.READY if row.file_sha256 else first_state(row.certificate)
    way = _way(conn, replaced, key_of(row), goes=goes, can_revoke=None, this=row.id)
    if way.takes_key:
        issuances.change(conn, replaced.id, now=now, natural_key=None)
    known = revocations.of_replacement(conn, row.id)
    if known is not None:
        revocations.put(
            conn,
            replaced,
            replaced_by=row.id,
            correction_id=known.correction_id,
            state=way.revocation,
            now=now,
        )
    return {**way.columns(row, replaced, now=now), "looks": 0}


def came(bridge: Bridge, conn: sa.Connection, row: sa.Row[Any], *, now: datetime) -> None:
    """An issuance was generated: if it replaces another, that is revoked now, and told.

    The learner gets one mail of it: ours, where the LMS does not mail what is written there.
    """
    if row.replaces is None:
        return
    revocations.set_going(conn, row.id, now=now)
    if bridge.settings.mail_server is not None and not _lms_mails(bridge, conn, row):
        mails.add_replaced(conn, row.id, row.applicant_email, language=spoken(row), now=now)


def _lms_mails(bridge: Bridge, conn: sa.Connection, row: sa.Row[Any]) -> bool:
    try:
        connector = bridge.connector_of(accounts.site_by_id(conn, row.site_id))
    except Permanent:
        return False
    return connector.write_back_mails and write_backs.is_told(conn, row.replaces)


def _by_id(conn: sa.Connection, row_id: str) -> sa.Row[Any]:
    row = issuances.by_id(conn, row_id)
    if row is None:
        raise LookupError(row_id)
    return row
