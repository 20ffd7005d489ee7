"""Sites: connections to LMSs, added, changed, tried, given other secrets, removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from bridge.connections import given, site_settings
from bridge.connections.given import Unfit
from bridge.pipeline import trouble
from bridge.pipeline.bridge import Bridge
from bridge.store import accounts, completions, events, restored, write_backs
from bridge.store.facts import facts
from bridge.store.owners import of, sealed
from bridge.store.tables import completion, delivery
from connectors.base import Finding
from runtime.crashpoint import crashpoint


class SendsAlready(Exception):
    """There is nothing to resume."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to change about a site; None leaves it as it is."""

    settings: Mapping[str, Any] | None = None  #: of its connector; an empty one is taken away
    issue_from: datetime | None = None
    timezone: str | None = None  #: empty: as the installation says
    auto_mend: bool | None = None
    owners: Sequence[str] | None = None

    @property
    def any(self) -> bool:
        """Whether there are any."""
        parts = (self.issue_from, self.timezone, self.auto_mend, self.owners)
        return bool(self.settings) or any(part is not None for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What was changed."""

    told: str  #: as the history has it
    taken_up: int  #: completions from before that are looked at again


def hook(bridge: Bridge, connector: str, name: str) -> str:
    """The address a site's LMS delivers to."""
    return f"{bridge.settings.public_url.rstrip('/')}/hooks/{connector}/{name}"


def add(
    bridge: Bridge,
    name: str,
    *,
    connector: str,
    settings: Mapping[str, Any],
    secrets: Mapping[str, Any],
    who: str,
    issue_from: datetime | None = None,
    timezone: str | None = None,
    owners: Sequence[str] = (),
) -> str:
    """Add a site; return its id. Without ``issue_from`` it certifies what is completed from now on.

    Raises Unfit, bridge.store.accounts.NameTaken, connectors.registry.UnknownConnector.
    """
    shown, hidden = validated(
        name,
        connector=connector,
        settings=settings,
        secrets=secrets,
        timezone=timezone,
        owners=owners,
    )
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        row_id = accounts.add_site(
            conn,
            name,
            connector=connector,
            settings=shown,
            secrets=hidden,
            keys=bridge.keys,
            now=now,
            issue_from=issue_from,
            timezone=timezone or None,
            owners=sealed(owners, kind="site", name=name, keys=bridge.keys),
            next_run_at=now + bridge.settings.reconcile,
        )
        after = facts(conn, row_id, kind="site", keys=bridge.keys)
        events.record(conn, row_id, "added", at=now, who=who, after=after)
    return row_id


def validated(
    name: str,
    *,
    connector: str,
    settings: Mapping[str, Any],
    secrets: Mapping[str, Any],
    timezone: str | None = None,
    owners: Sequence[str] = (),
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A new site's settings and secrets as they are stored; nothing is added.

    Raises Unfit with all that is wrong, and connectors.registry.UnknownConnector.
    """
    mistakes = given.mistakes_in(name=name, timezone=timezone, owners=owners)
    try:
        parts = site_settings.validated(connector, settings, secrets)
    except Unfit as exc:
        raise Unfit({**mistakes, **exc.mistakes}) from exc
    if mistakes:
        raise Unfit(mistakes)
    return parts


def change(bridge: Bridge, name: str, changes: Changes, *, who: str) -> Changed:
    """Change a site. Raises Unfit, bridge.store.accounts.NotThere, UnknownConnector, KeyProblem."""
    mistakes = given.mistakes_in(timezone=changes.timezone, owners=changes.owners)
    if mistakes:
        raise Unfit(mistakes)
    taken_up = 0
    with bridge.database.write() as conn:
        row = accounts.site_named(conn, name)
        now = bridge.database.now(conn)
        before = facts(conn, row.id, kind="site", keys=bridge.keys)
        accounts.change(conn, row.id, kind="site", **_columns(bridge, row, changes))
        after = facts(conn, row.id, kind="site", keys=bridge.keys)
        told = "; ".join(_told(changes))
        events.record(
            conn, row.id, "changed", at=now, who=who, detail=told, before=before, after=after
        )
        start = changes.issue_from
        if start is not None and start < accounts.issue_from(row):
            taken_up = completions.take_up_early(conn, row.id, since=start, now=now)
    bridge.ring("normalise")
    return Changed(told=told, taken_up=taken_up)


def _columns(bridge: Bridge, row: sa.Row[Any], changes: Changes) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if changes.settings:
        secrets = accounts.secrets_of(row, kind="site", keys=bridge.keys)
        values["settings"] = site_settings.changed(
            row.connector, row.settings, changes.settings, secrets
        )
    if changes.issue_from is not None:
        values["issue_from"] = changes.issue_from
    if changes.timezone is not None:
        values["timezone"] = changes.timezone or None
    if changes.auto_mend is not None:
        values["auto_mend"] = changes.auto_mend
    if changes.owners is not None:
        values["owners"] = sealed(changes.owners, kind="site", name=row.name, keys=bridge.keys)
    return values


def _told(changes: Changes) -> Iterator[str]:
    for key, value in (changes.settings or {}).items():
        yield f"{key}={value}"
    if changes.issue_from is not None:
        start = changes.issue_from.astimezone(UTC)
        yield f"issues what is completed from {start:%Y-%m-%d %H:%M} UTC on"
    if changes.timezone is not None:
        zone = changes.timezone or "the time zone of BRIDGE_TIMEZONE"
        yield f"days are counted in {zone}"
    if changes.auto_mend is not None:
        yield "the clock mends what it finds" if changes.auto_mend else "the clock only reports"
    if changes.owners is not None:
        yield given.told_owners(changes.owners)


def check(bridge: Bridge, name: str, *, who: str | None = None) -> Iterator[Finding]:
    """Try each permission a site needs, one by one; once all are there, what waited goes on.

    That stands in the history, if it is told ``who`` checked.
    Raises bridge.store.accounts.NotThere, connectors.base.Permanent.
    """
    with bridge.database.read() as conn:
        row = accounts.site_named(conn, name)
    all_there = True
    for finding in bridge.connector_of(row).check():
        all_there = all_there and finding.ok
        yield finding
    if all_there:
        wake(bridge, row.id, who=who)


def wake(bridge: Bridge, site_id: str, *, who: str | None = None) -> None:
    """The site works, as somebody found who checked it: what waited for that is done now."""
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        if who is not None:
            events.record(conn, site_id, "found to work", at=now, who=who)
        trouble.mended(conn, site_id)
        write_backs.wake(conn, site_id, now=now)
        for waiting in (delivery, completion):
            conn.execute(
                sa.update(waiting)
                .where(
                    waiting.c.site_id == site_id,
                    waiting.c.next_run_at > now,
                    waiting.c.lease_until.is_(None),
                )
                .values(next_run_at=now, tries=0)
            )
        crashpoint("site.waking")
    crashpoint("site.woken")
    bridge.ring("normalise")
    bridge.ring("write_back")


def rotate(
    bridge: Bridge, name: str, secrets: Mapping[str, Any], *, who: str, drop_old: bool = False
) -> None:
    """Replace secrets without a restart; of a list the old ones stay good until ``drop_old``.

    Raises Unfit, bridge.store.accounts.NotThere, connectors.registry.UnknownConnector.
    """
    with bridge.database.write() as conn:
        row = accounts.site_named(conn, name)
        now = bridge.database.now(conn)
        # Of secrets whose key is lost nothing is kept: the settings say which must be entered.
        old = accounts.secrets_or_none(row, kind="site", keys=bridge.keys)
        fresh = site_settings.rotated(row.connector, row.settings, old, secrets, drop_old=drop_old)
        before = facts(conn, row.id, kind="site", keys=bridge.keys)
        accounts.set_secrets(conn, row, kind="site", keys=bridge.keys, secrets=fresh)
        after = facts(conn, row.id, kind="site", keys=bridge.keys)
        detail = ", ".join(sorted(secrets)) or "old ones dropped"
        events.record(
            conn, row.id, "rotated", at=now, who=who, detail=detail, before=before, after=after
        )
        crashpoint("site.rotating")
    crashpoint("site.rotated")
    wake(bridge, row.id)


def send_again(bridge: Bridge, name: str, *, because: str, who: str) -> None:
    """Let a restored site send, though no reconciliation has found that it knows everything.

    Raises SendsAlready, bridge.store.accounts.NotThere.
    """
    with bridge.database.write() as conn:
        row = accounts.site_named(conn, name)
        if row.unsure_since is None:
            raise SendsAlready(f"The site {name} sends already.")
        now = bridge.database.now(conn)
        restored.send_again(conn, row.id, who=who, why=because, now=now)
    for bell in ("issue", "write_back"):
        bridge.ring(bell)


def remove(bridge: Bridge, name: str, *, who: str) -> None:
    """Take a site out of use: its hook answers 401 from now on. Its history stays.

    Raises bridge.store.accounts.NotThere.
    """
    with bridge.database.write() as conn:
        row = accounts.site_named(conn, name)
        now = bridge.database.now(conn)
        accounts.change(conn, row.id, kind="site", removed_at=now)
        was, is_now = {"in_use": True}, {"in_use": False}
        events.record(conn, row.id, "removed", at=now, who=who, before=was, after=is_now)


def owners(bridge: Bridge, row: sa.Row[Any]) -> tuple[str, ...]:
    """Who is told of a site's troubles. Raises runtime.keys.KeyProblem."""
    return of(row, kind="site", keys=bridge.keys)
