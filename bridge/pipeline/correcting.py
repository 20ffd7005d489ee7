"""Corrections of what was issued: a newer certificate each, as it should have been.

One, as a person says; or all that a mapping's version made, mapped by the version in use now. All
is looked up, mapped and printed before anything is changed, and what would come out the same is
left alone. What the page shows besides, of its template, pictures and issuer, is compared only
where that is asked for. Neither an LMS nor, before a certificate is on its way, a vault is asked.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any, TypeAlias

import sqlalchemy as sa

from bridge.certificates.page import Page, RenderError
from bridge.pipeline import pages, replacing
from bridge.pipeline.backtest import Tested
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.drafts import REF_BYTES, entry_columns, printed_by
from bridge.pipeline.parts import parts
from bridge.pipeline.versioned import Versioned, active_mappings, version_of
from bridge.pipeline.zones import zoned
from bridge.store import accounts, completions, corrections, events, issuances
from bridge.store.accounts import NotThere
from bridge.store.file_sources import FROM, is_from_lms
from bridge.store.states import CorrectionState, IssuanceState
from bridge.vault_client import VaultError
from connectors.base import Completion
from mappings import engine, suspects, texts
from mappings.comparing import Change, Difference
from mappings.model import TEMPLATE
from mappings.suspects import Suspicion
from runtime.crashpoint import crashpoint
from runtime.keys import KeyProblem

#: Certificates that are looked at together, and of those that are replaced in one commit.
CHUNK, TOGETHER = 100, 20
#: What of an entry a person may give by hand. The date is the completion's.
BY_HAND = ("certificate_title", "full_name", "applicant_email", "details")
#: Before the name of a parameter of the template, which may be given by hand as well.
PARAMETER = "parameters."
#: What a file was made of that an institution may have mended since. Of Typst and its fonts there
#: is a newer one after each upgrade: nobody's certificate is issued anew for that.
MENDABLE = ("template", "pictures", "issuer")

Columns: TypeAlias = "dict[str, Any]"


class Refused(Exception):
    """It cannot be corrected as things stand; the text says why, and the next move."""


class Already(Exception):
    """It was corrected so before: ``newest`` is what stands in its place."""

    def __init__(self, issuance_id: str, *, newest: str) -> None:
        super().__init__(f"{issuance_id} is corrected so already, by {newest}.")
        self.newest = newest


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person wants corrected: an issuance in some of its fields, or a mapping's version.

    ``reprint``: also what says the same, where it would look otherwise now.
    """

    issuance: str | None = None
    changes: Mapping[str, str] = field(default_factory=dict)
    mapping: str | None = None
    version: int | None = None
    since: datetime | None = None
    reprint: bool = False

    def packed(self) -> dict[str, Any]:
        """As JSON, without what is not given."""
        given = {name: value for name, value in asdict(self).items() if value}
        return {**given, **({"since": self.since.isoformat()} if self.since else {})}

    def told(self) -> dict[str, Any]:
        """What is asked for, without what a learner is called now: the row of it has that."""
        return {**self.packed(), **({"changes": sorted(self.changes)} if self.changes else {})}


def unpacked(packed: Mapping[str, Any]) -> Asked:
    """What `Asked.packed` made."""
    since = packed.get("since")
    return Asked(**{**packed, "since": datetime.fromisoformat(since) if since else None})


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What becomes of one certificate."""

    old: sa.Row[Any]
    tested: Tested
    columns: Columns | None = None  #: of the newer one; None where the old one stays as it is
    content: bytes = field(default=b"", repr=False)  #: none where the LMS makes it
    #: For what the brake would hold it if it came now; a correction goes on all the same.
    doubt: Suspicion | None = None

    @property
    def keeps_key(self) -> bool:
        """Whether the newer has the older one's e-mail, title and issue date."""
        key = self.columns and self.columns["natural_key"]
        return bool(key == replacing.key_of(self.old))


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One certificate and what is on its way in its place."""

    old: str
    new: str


def foresee(bridge: Bridge, asked: Asked) -> Iterator[Foreseen]:
    """What would become of each certificate that is meant, oldest first. Nothing is written.

    Raises NotThere, Refused, Already.
    """
    run = _Run(bridge, reprint=asked.reprint)
    if asked.issuance is not None:
        yield run.one(asked.issuance, asked.changes)
        return
    with bridge.database.read() as conn:
        by = _in_use(conn, asked)
        rows = issuances.by_version(conn, str(asked.mapping), asked.version or 0, since=asked.since)
    for chunk in parts(rows, CHUNK):
        yield from run.remapped(chunk, by)


def _in_use(conn: sa.Connection, asked: Asked) -> Versioned:
    """The version in use of a mapping of which another one's certificates are corrected.

    Or its own, where the mapping was right and what it is printed with was not.
    """
    name, number = str(asked.mapping), asked.version or 0
    version_of(conn, name, number)
    by = next((each for each in active_mappings(conn) if each.mapping.name == name), None)
    if by is None:
        raise NotThere(f"No version of {name} is in use: there is nothing to map with.")
    if by.rehearses:
        raise Refused(
            f"Version {by.version} of {name} is being rehearsed: publish it first, if it is right."
        )
    if by.version == number and not asked.reprint:
        raise Refused(
            f"Version {number} of {name} is the one in use: publish one that is right first. If "
            "its template, a picture or the issuer was wrong and is mended, say --reprint."
        )
    return by


class _Run:
    """Looks certificates up, and remembers the keys that it has come by."""

    def __init__(self, bridge: Bridge, *, reprint: bool) -> None:
        self._bridge = bridge
        self._reprint = reprint
        with bridge.database.read() as conn:
            self._active = active_mappings(conn)
            self._in_use = {row.name: row.id for row in accounts.issuers(conn)}
        self._first: dict[str, str] = {}

    def one(self, issuance_id: str, changes: Mapping[str, str]) -> Foreseen:
        with self._bridge.database.read() as conn:
            old = issuances.by_id(conn, issuance_id)
            if old is None:
                raise NotThere(f"There is no issuance {issuance_id}.")
            given = {name: _read(name, text) for name, text in changes.items()}
            newest = issuances.chain(conn, old)[0]
            if newest.id != old.id and (newest.corrected or {}).items() >= given.items():
                raise Already(old.id, newest=newest.id)
            why_not = replacing.why_not(conn, old)
            if why_not is not None:
                raise Refused(f"{old.id}: {why_not}")
            by = version_of(conn, old.mapping_name, old.mapping_version)
            entry = _by_hand(_entry_of(old), given)
            printed = {**_printed(old), "details": entry.details or None}
            if not is_from_lms(old.certificate):
                printed["parameters"] = dict(entry.parameters)
            columns = {
                "dated": old.dated,
                "mapping_version": old.mapping_version,
                "learner_language": old.learner_language,
                "corrected": {**(old.corrected or {}), **given},
                "certificate": printed,
            }
            return self._foreseen(conn, old, by, entry, columns)

    def remapped(self, rows: Sequence[sa.Row[Any]], by: Versioned) -> Iterator[Foreseen]:
        with self._bridge.database.read() as conn:
            told = completions.by_ids(conn, [row.completion_id for row in rows])
        for old in rows:
            found = completions.unpack(told[old.completion_id].data)
            with self._bridge.database.read() as conn:
                foreseen = self._remapped(conn, old, by, found)
            yield self._doubted(
                foreseen, by, found
            )  # read to its end: on SQLite a reader keeps writers waiting

    def _remapped(
        self, conn: sa.Connection, old: sa.Row[Any], by: Versioned, told: Completion
    ) -> Foreseen:
        row = accounts.site_by_id(conn, old.site_id)
        site, found = row.name, zoned(told, row, setting=self._bridge.settings.timezone)
        chosen = engine.choose([each.mapping for each in self._active], found, site=site)
        if by.mapping not in chosen:
            return _stays(old, Difference(change=Change.UNMATCHED, by=by.mapping))
        if self._in_use.get(by.mapping.issuer) != old.issuer_id:
            problem = f"It is another issuer's: {by.mapping.name} issues by {by.mapping.issuer}."
            return _stays(old, Difference(change=Change.FAILING, by=by.mapping, problem=problem))
        result = engine.apply(by.mapping, found, site=site)
        if isinstance(result, engine.Held):
            problem = " ".join(f"{each.field}: {each.problem}." for each in result.problems)
            return _stays(old, Difference(change=Change.FAILING, by=by.mapping, problem=problem))
        entry = _by_hand(result, old.corrected or {})
        columns = {
            "mapping_version": by.version,
            "learner_language": found.learner.language,
            "corrected": old.corrected,
            "certificate": printed_by(by.mapping, entry),
        }
        return self._foreseen(conn, old, by, entry, columns)

    def _doubted(self, foreseen: Foreseen, by: Versioned, found: Completion) -> Foreseen:
        if foreseen.columns is None:
            return foreseen
        rules = replace(by.mapping.hold, older_than=None)  # a person wants it, however old it is
        doubt = suspects.suspicion(rules, found, now=self._bridge.now())
        return replace(foreseen, doubt=doubt)

    def _foreseen(
        self,
        conn: sa.Connection,
        old: sa.Row[Any],
        by: Versioned,
        entry: engine.Entry,
        columns: Columns,
    ) -> Foreseen:
        made = _columns(old, entry) | columns
        try:
            return self._compared(conn, old, by, entry, made)
        except RenderError as exc:
            failing = Difference(change=Change.FAILING, by=by.mapping, problem=exc.problem)
            return _stays(old, failing)

    def _compared(
        self,
        conn: sa.Connection,
        old: sa.Row[Any],
        by: Versioned,
        entry: engine.Entry,
        made: Columns,
    ) -> Foreseen:
        renderer, page = self._bridge.renderer, self._page(conn, made)
        if page is not None:
            entry = replace(entry, expires_on=renderer.valid_until(page))
        was, becomes = _said(_entry_of(old), _printed(old)), _said(entry, made["certificate"])
        made_of = None if page is None else renderer.made_of(page)
        if self._reprint and made_of is not None:
            was |= _shown(old.certificate.get("made_of", {}))
            becomes |= _shown(made_of)
        fields = _differing(was, becomes)
        if not fields and old.state == IssuanceState.GENERATED:
            return _stays(old, Difference(change=Change.SAME, by=by.mapping))
        change = Difference(change=Change.CHANGED, by=by.mapping, fields=fields, entry=entry)
        if (other := self._another(conn, old, str(made["natural_key"]))) is not None:
            return _stays(old, change, collides_with=other)
        made["expires_on"] = entry.expires_on
        content = b""
        if page is not None:
            content = renderer.render(page)
            made["certificate"] = made["certificate"] | {"made_of": made_of}
        return Foreseen(old=old, tested=_tested(old, change), columns=made, content=content)

    def _page(self, conn: sa.Connection, made: Columns) -> Page | None:
        """What is to be printed; nothing where the LMS makes the file, anew."""
        if is_from_lms(made["certificate"]):
            return None
        return pages.page_of(_row(made), accounts.issuer_by_id(conn, made["issuer_id"]))

    def _another(self, conn: sa.Connection, old: sa.Row[Any], key: str) -> str | None:
        """Whose the key is already, or would be by this very correction."""
        first = self._first.setdefault(key, old.id)
        owner = issuances.owner_of_key(conn, key)
        if owner is not None and owner.id not in (old.id, old.replaces):
            return str(owner.id)
        return first if first != old.id else None


def _row(columns: Columns) -> Any:
    """Columns, read as a row is."""
    return SimpleNamespace(**columns)


def _read(name: str, text: str) -> Any:
    if name.startswith(PARAMETER):
        return texts.block(text)
    try:
        return engine.read(name, text)
    except engine.Unfit as exc:
        raise Refused(f"{name} {exc.problem}.") from exc


def _by_hand(entry: engine.Entry, given: Mapping[str, Any]) -> engine.Entry:
    """The entry, but for what a person has given."""
    told = {name: value for name, value in given.items() if name.startswith(PARAMETER)}
    fields = {name: value for name, value in given.items() if name not in told}
    parameters = {name.removeprefix(PARAMETER): value for name, value in told.items()}
    return replace(entry, **fields, parameters={**entry.parameters, **parameters})


def _entry_of(row: sa.Row[Any]) -> engine.Entry:
    return engine.Entry(
        certificate_title=row.certificate_title,
        full_name=row.full_name,
        applicant_email=row.applicant_email,
        issue_date=row.issue_date,
        expires_on=row.expires_on,
        details=row.certificate.get("details") or "",
        language=row.language,
        parameters=row.certificate.get("parameters", {}),
        trace=(),
    )


def _printed(row: sa.Row[Any]) -> Columns:
    """How an issuance's file was made, without what it was made of then."""
    return {name: value for name, value in row.certificate.items() if name != "made_of"}


def _said(entry: engine.Entry, printed: Mapping[str, Any]) -> dict[str, str | None]:
    """All that a certificate says, and how it is printed."""
    return {
        "certificate_title": entry.certificate_title,
        "full_name": entry.full_name,
        "applicant_email": entry.applicant_email,
        "issue_date": entry.issue_date.isoformat(),
        "expires_on": None if entry.expires_on is None else entry.expires_on.isoformat(),
        "details": entry.details or None,
        "from": printed.get(FROM, TEMPLATE),
        "template": printed.get("template"),
        "language": entry.language,
        "paper": printed.get("paper"),
        "parameters": json.dumps(printed.get("parameters", {}), ensure_ascii=False, sort_keys=True),
    }


def _shown(made_of: Mapping[str, Any]) -> dict[str, str | None]:
    """What of that which a file was made of can be mended, each by itself."""
    told: dict[str, str | None] = {}
    for part in MENDABLE:
        of = made_of.get(part)
        each = of.items() if isinstance(of, Mapping) else [("", of)]
        told |= {f"made_of.{part}.{name}".rstrip("."): value for name, value in each}
    return told


def _differing(
    was: Mapping[str, str | None], becomes: Mapping[str, str | None]
) -> dict[str, tuple[str | None, str | None]]:
    return {
        name: (was.get(name), becomes.get(name))
        for name in {**was, **becomes}
        if was.get(name) != becomes.get(name)
    }


def _columns(old: sa.Row[Any], entry: engine.Entry) -> Columns:
    kept = ("issuer_id", "completion_id", "site_id", "course_id", "learner_id", "mapping_name")
    ref = secrets.token_hex(REF_BYTES)
    return {
        **{name: getattr(old, name) for name in kept},
        "ref": ref,
        **entry_columns(entry, ref),
        "natural_key": engine.natural_key(old.issuer_id, entry),
    }


def _stays(
    old: sa.Row[Any], difference: Difference, *, collides_with: str | None = None
) -> Foreseen:
    return Foreseen(old=old, tested=_tested(old, difference, collides_with=collides_with))


def _tested(
    old: sa.Row[Any], difference: Difference, *, collides_with: str | None = None
) -> Tested:
    return Tested(
        completion_id=old.id,
        course=old.certificate_title,
        difference=difference,
        collides_with=collides_with,
    )


def can_revoke(bridge: Bridge, issuer_id: str) -> bool:
    """Whether an issuer's vault can revoke, asked now and kept. Raises VaultError, KeyProblem."""
    answer = bridge.vault_for(issuer_id).can_revoke()
    with bridge.database.write() as conn:
        accounts.change(conn, issuer_id, kind="issuer", revokes=answer)
    return answer


def begin(
    bridge: Bridge,
    asked: Asked,
    *,
    who: str,
    reason: str,
    selected: int,
    approved: bool,
    noting: Callable[[sa.Connection, str], None] | None = None,
) -> str:
    """Write a correction down; return its id. `proceed` carries it out, once it is approved.

    ``noting`` is called with that id in the same transaction.
    """
    state = CorrectionState.RUNNING if approved else CorrectionState.ASKED
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        row_id = corrections.add(
            conn,
            who=who,
            reason=reason,
            what=asked.packed(),
            state=state,
            selected=selected,
            now=now,
        )
        what = "correction begun" if approved else "correction asked for"
        after = asked.told() | {"certificates": selected}
        events.record(conn, row_id, what, at=now, who=who, detail=reason, after=after)
        if noting is not None:
            noting(conn, row_id)
        crashpoint("correct.beginning")
    crashpoint("correct.begun")
    return row_id


def refuse_to_approve(row: sa.Row[Any], *, who: str) -> None:
    """Raise Refused for who must not approve a correction, or what needs no approval."""
    if row.state != CorrectionState.ASKED:
        raise Refused(f"{row.id} is {row.state}: there is nothing to approve.")
    if row.who == who:
        raise Refused(f"{who} has asked for {row.id}: another person has to approve it.")


def approve(bridge: Bridge, row: sa.Row[Any], *, who: str, selected: int) -> None:
    """A second person lets a correction begin. Raises Refused."""
    refuse_to_approve(row, who=who)
    approved = {"approved_by": who, "selected": selected}
    _decide(bridge, row, CorrectionState.RUNNING, "correction approved", who=who, values=approved)


def decline(bridge: Bridge, row: sa.Row[Any], *, who: str, reason: str | None) -> None:
    """A correction that somebody asked for is not to be; by anyone. Raises Refused."""
    said, ended = "correction declined", {"ended_at": bridge.now()}
    _decide(bridge, row, CorrectionState.DECLINED, said, who=who, values=ended, reason=reason)


def _decide(
    bridge: Bridge,
    row: sa.Row[Any],
    state: CorrectionState,
    what: str,
    *,
    who: str,
    values: Mapping[str, Any],
    reason: str | None = None,
) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        if not corrections.decide(conn, row.id, state, now=now, **values):
            decided = corrections.by_id(conn, row.id)
            raise Refused(f"{row.id} is {decided.state}: it was decided before.")
        events.record(conn, row.id, what, at=now, who=who, detail=reason)
        crashpoint("correct.deciding")
    crashpoint("correct.decided")


def proceed(bridge: Bridge, correction_id: str) -> Iterator[Sequence[Done]]:
    """Carry a correction out, or go on with one, some at a time.

    What was replaced by it before is not meant any more, so that one which was interrupted goes on
    where it stopped. Raises NotThere, Refused.
    """
    with bridge.database.read() as conn:
        row = corrections.by_id(conn, correction_id)
    if row.state != CorrectionState.RUNNING:
        raise Refused(f"{row.id} is {row.state}: there is nothing to go on with.")
    known: dict[str, bool | None] = {}
    waiting: list[Foreseen] = []
    for each in _still_meant(bridge, unpacked(row.what)):
        if each.columns is not None:
            waiting.append(each)
        if len(waiting) == TOGETHER:
            yield _replace(bridge, row, waiting, known)
            waiting = []
    if waiting:
        yield _replace(bridge, row, waiting, known)
    _end(bridge, row)


def _still_meant(bridge: Bridge, asked: Asked) -> Iterator[Foreseen]:
    try:
        yield from foresee(bridge, asked)
    except Already:
        return


def _replace(
    bridge: Bridge, row: sa.Row[Any], foreseen: Sequence[Foreseen], known: dict[str, bool | None]
) -> Sequence[Done]:
    for issuer_id in {each.old.issuer_id for each in foreseen} - known.keys():
        known[issuer_id] = _known(bridge, issuer_id)
    done = []
    with bridge.database.write() as conn:
        for each in foreseen:
            now = bridge.database.now(conn)  # each issuance with a moment of its own
            new = _replace_one(conn, row, each, can_revoke=known[each.old.issuer_id], now=now)
            if new is not None:
                done.append(Done(old=each.old.id, new=new))
        corrections.advance(conn, row.id, replaced=len(done), now=bridge.database.now(conn))
        crashpoint("correct.replacing")
    crashpoint("correct.replaced")
    bridge.ring("issue")
    return done


def _known(bridge: Bridge, issuer_id: str) -> bool | None:
    """Whether a vault can revoke: as it says now, or else as it said last.

    None where it never said: then the step finds out.
    """
    try:
        return can_revoke(bridge, issuer_id)
    except (VaultError, KeyProblem):
        with bridge.database.read() as conn:
            said: bool | None = accounts.issuer_by_id(conn, issuer_id).revokes
        return said


def _replace_one(
    conn: sa.Connection,
    row: sa.Row[Any],
    each: Foreseen,
    *,
    can_revoke: bool | None,
    now: datetime,
) -> str | None:
    """Unless somebody else has corrected it meanwhile, or has taken its key."""
    columns = dict(each.columns or {})
    old = issuances.locked(conn, each.old.id)
    if replacing.why_not(conn, old) is not None:
        return None
    if each.content:
        columns["file_sha256"] = issuances.keep_file(conn, each.content, now=now)
    try:
        with conn.begin_nested():
            return replacing.make(
                conn, old, columns, correction=row, can_revoke=can_revoke, now=now
            )
    except replacing.Collides:
        return None


def _end(bridge: Bridge, row: sa.Row[Any]) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        ended = corrections.by_id(conn, row.id)
        unchanged = ended.selected - ended.replaced
        if corrections.end(conn, row.id, unchanged=unchanged, now=now):
            said = f"{ended.replaced} replaced, {unchanged} unchanged"
            events.record(
                conn, row.id, "correction ended", at=now, who=row.who, detail=said, act=False
            )
        crashpoint("correct.ending")
    crashpoint("correct.ended")
