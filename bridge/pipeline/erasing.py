"""A learner's data: found, exported, erased. `bridge.pipeline.erase` tells vaults what was erased.

Our own rows are erased in one commit: all of them, or nothing. What is left is a salted hash of the
learner and of each certificate's natural key, so that nothing is issued again, and the ids at the
vault, so that reconciliation knows whose they are: nobody's.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.bridge import Bridge
from bridge.store import accounts, completions, deliveries, erasures, events, issuances, learners
from bridge.store.accounts import NotThere
from bridge.store.ids import before
from bridge.store.learners import Found, Person
from bridge.store.tables import completion
from connectors.base import Completion
from runtime.crashpoint import crashpoint
from runtime.keys import KeyProblem
from runtime.mendable import Mendable

#: Why a delivery's content is gone.
WHY = "erased with the learner's data"
#: What what is searched for is encrypted for.
PURPOSE = "erasure"
#: Never exported: how rows are worked on, and what only the installation can read.
_HIDDEN = frozenset({"lease_owner", "lease_until", "fence", "request", "next_run_at", "tries"})


class UnderWay(Mendable):
    """Something of the learner has not come to its end; the text says what to do."""


class Several(Mendable):
    """More learners than one have the address; the text names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was erased, and what a person still has to do."""

    erasure_id: str
    counts: Mapping[str, Any]
    gradebook: Sequence[str]  #: ids of courses in whose gradebooks a text of ours may stand


def find(
    bridge: Bridge,
    *,
    email: str | None = None,
    site: str | None = None,
    learner_id: str | None = None,
) -> Sequence[Found]:
    """Everything that is kept of whoever has the address, or of a site's learner.

    Raises NotThere for a site that is none, or where nothing is kept.
    """
    with bridge.database.read() as conn:
        if email is not None:
            people = learners.with_address(conn, email)
            unknown = f"Nothing is kept of anybody with the address {email}."
        else:
            row = accounts.site_named(conn, site or "")
            people = [Person(site_id=row.id, site=row.name, learner_id=learner_id or "")]
            unknown = f"Nothing is kept of a learner {learner_id} at {site}."
        found = [learners.everything(conn, one) for one in people]
    found = [one for one in found if one.completions or one.issuances]
    if not found:
        raise NotThere(f"{unknown} An erased learner's data is not found by anything.")
    return found


def export(bridge: Bridge, found: Sequence[Found], *, who: str) -> bytes:
    """All of it as one ZIP: ``data.json``, and the files of certificates."""
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for one in found:
            events.record(conn, one.person.site_id, "learner's data exported", at=now, who=who)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        told = [_exported(bridge, one) for one in found]
        text = json.dumps({"learners": told}, ensure_ascii=False, indent=1, default=str)
        archive.writestr("data.json", text)
        with bridge.database.read() as conn:
            for sha256 in sorted({name for one in found for name in one.files}):
                content = issuances.file_content(conn, sha256)
                archive.writestr(f"files/{sha256}.pdf", content)
    return packed.getvalue()


def _exported(bridge: Bridge, found: Found) -> dict[str, Any]:
    kinds = [name for name in Found.__slots__ if name not in ("person", "deliveries")]
    rows = {name: [_shown(row) for row in getattr(found, name)] for name in kinds}
    raw = [{**_shown(row), **_raw(bridge, row)} for row in found.deliveries]
    addresses = [bridge.links.url(row.id) for row in found.links if row.revoked_at is None]
    return {
        "site": found.person.site,
        "learner_id": found.person.learner_id,
        "pages": addresses,
        "deliveries": raw,
        **rows,
    }


def _shown(row: sa.Row[Any]) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name not in _HIDDEN}


def _raw(bridge: Bridge, row: sa.Row[Any]) -> dict[str, Any]:
    """What came, without what proves the sender: headers may hold its secret."""
    try:
        kept = deliveries.unseal(row.request, keys=bridge.keys)
    except KeyProblem as exc:
        return {"body": None, "why": str(exc)}
    try:
        return {"body": kept.body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(kept.body).decode()}


def erase(bridge: Bridge, found: Found, *, who: str, reason: str) -> Erased:
    """Erase it: at once here, soon at our vault and in what else came from the LMS.

    Raises UnderWay, Several, and NotThere where somebody erased it meanwhile.
    """
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        # As it stands now: the preview may be old.
        found = learners.everything(conn, found.person)
        if not found.completions and not found.issuances:
            raise NotThere("Nothing is kept of this learner any more.")
        may_be_erased(found)
        salted = erasures.salt(conn) or erasures.new_salt()
        written = sorted(row.course_id for row in found.write_backs if row.text or row.shown)
        counts = {**found.counts(), "gradebook_courses": written}
        erasure_id = erasures.add(
            conn,
            found.person.site_id,
            who=who,
            reason=reason,
            salted=salted,
            sealed=bridge.keys.encrypt(_sought(found, now=now), purpose=PURPOSE),
            counts=counts,
            now=now,
        )
        learners.forget(conn, found, salted=salted, why=WHY, now=now)
        for row in found.issuances:
            events.record(conn, row.id, "erased", at=now, who=who, detail=erasure_id, act=False)
            if row.vault_uuid is not None:
                erasures.tell_vault(conn, erasure_id, row, now=now)
        for row in found.completions:
            events.record(conn, row.id, "erased", at=now, who=who, detail=erasure_id, act=False)
        events.record(conn, erasure_id, "learner's data erased", at=now, who=who, detail=reason)
        crashpoint("erasing.forgetting")
    crashpoint("erasing.forgotten")
    bridge.ring("issue")
    return Erased(erasure_id=erasure_id, counts=counts, gradebook=written)


def may_be_erased(found: Found) -> None:
    """Raise UnderWay while something goes on by itself."""
    going = found.under_way
    if going:
        some = ", ".join(going[:5]) + (" …" if len(going) > 5 else "")
        raise UnderWay(
            f"Something of this learner is still under way: {some}. Wait until it has come to its "
            "end (`vaultbridge show ID` says why it has not), then erase."
        )


def only(found: Sequence[Found]) -> Found:
    """The one learner that is meant; raises Several."""
    if len(found) > 1:
        named = ", ".join(f"{one.person.learner_id} at {one.person.site}" for one in found)
        raise Several(
            f"The address belongs to {len(found)} learners: {named}. Name one, by site and id."
        )
    return found[0]


def request_text(row: sa.Row[Any]) -> str:
    """What to write to the operator of a vault that cannot be told by us; of `erasures.kept`."""
    return (
        f"To the operator of {row.vault_url} (issuer {row.name}): please erase the personal data "
        f"of the holder of certificate {row.reference_id or row.vault_uuid} (uuid "
        f"{row.vault_uuid}): name, e-mail address, details and files. We were asked for it under "
        "Article 17 of the GDPR and have erased it here. Please confirm."
    )


def _sought(found: Found, *, now: datetime) -> Mapping[str, object]:
    return {
        "site_id": found.person.site_id,
        "learner_id": found.person.learner_id,
        "texts": [*found.addresses, *found.names],
        # What comes later is looked at when it is read.
        "until": before("dl", now),
    }


def is_erased(conn: sa.Connection, site_id: str, found: Completion) -> bool:
    """Whether what a delivery tells is of a completion that was erased."""
    return erasures.known(
        conn,
        site_id,
        course_id=found.course.id,
        learner_id=found.learner.id,
        round_=completions.provisional_round(found),
    )


def was_erased(conn: sa.Connection, row: sa.Row[Any], round_: str) -> bool:
    """Whether a completion turns out to be one that was erased, now that its date is known."""
    whose = {"course_id": row.course_id, "learner_id": row.learner_id}
    return erasures.known(conn, row.site_id, round_=round_, **whose)


def forget_again(conn: sa.Connection, row: sa.Row[Any], *, now: datetime) -> None:
    """Keep nothing of a completion that was erased before and was told again."""
    salted = erasures.salt(conn)
    if salted is None:
        return
    left = erasures.pseudonym(salted, row.site_id, row.learner_id)
    gone = {**learners.nobody(row, left), "round": f"again {row.id}"}
    conn.execute(sa.update(completion).where(completion.c.id == row.id).values(**gone))
    if row.delivery_id is not None:
        deliveries.blank(conn, [row.delivery_id], WHY)
    events.record(conn, row.id, "erased", at=now, detail="told again")
