"""Issuers: accounts at a vault, added, changed, tried, given other secrets, removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bridge.connections import given
from bridge.connections.given import Unfit
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.replay import resume_issuer
from bridge.store import accounts, events
from bridge.store.facts import facts
from bridge.store.owners import sealed
from bridge.vault_client import BASE, Permission
from runtime.crashpoint import crashpoint

KNOWN_SECRETS = frozenset({"token", "webhook_secret"})
LARGEST_LOGO = 1024 * 1024
#: What a logo begins with: PNG, JPEG; SVG is text.
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff")
_LONGEST_NAME, _LONGEST_URL = 255, 500
_ONE_LINE = "a {} is one line of letters, digits and signs, no blanks"


class LostKey(Unfit):
    """The token that is stored was encrypted with a key that is lost. Enter it too."""

    def __init__(self) -> None:
        super().__init__({"token": str(self.__doc__)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to change about an issuer; None leaves it as it is, empty takes it away."""

    signatory_name: str | None = None
    signatory_role: str | None = None
    logo: bytes | None = None
    owners: Sequence[str] | None = None


def hook(bridge: Bridge, name: str) -> str:
    """The address at which an issuer's vault tells what became of a certificate."""
    return f"{bridge.settings.public_url.rstrip('/')}/hooks/vault/{name}"


def add(
    bridge: Bridge,
    name: str,
    *,
    url: str,
    institution: str,
    secrets: Mapping[str, str],
    who: str,
    logo: bytes | None = None,
    signatory_name: str | None = None,
    signatory_role: str | None = None,
    owners: Sequence[str] = (),
) -> str:
    """Add an issuer; return its id. Raises Unfit, bridge.store.accounts.NameTaken."""
    texts = {
        "institution": institution,
        "signatory_name": signatory_name or "",
        "signatory_role": signatory_role or "",
    }
    mistakes = {
        **given.mistakes_in(name=name, owners=owners),
        **_told("url", problem_with_url(url)),
        **_told("institution", None if institution else "It is printed on certificates: give it."),
        **{part: _too_long() for part, text in texts.items() if len(text) > _LONGEST_NAME},
        **_told("logo", problem_with_logo(logo)),
        **_mistakes_in_secrets({"token": "", **secrets}),
    }
    if mistakes:
        raise Unfit(mistakes)
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        row_id = accounts.add_issuer(
            conn,
            name,
            keys=bridge.keys,
            secrets={part: secret for part, secret in secrets.items() if secret},
            now=now,
            vault_url=url.rstrip("/").removesuffix(BASE),
            institution_name=institution,
            logo=logo or None,
            signatory_name=signatory_name or None,
            signatory_role=signatory_role or None,
            owners=sealed(owners, kind="issuer", name=name, keys=bridge.keys),
        )
        after = facts(conn, row_id, kind="issuer", keys=bridge.keys)
        events.record(conn, row_id, "added", at=now, who=who, after=after)
    return row_id


def problem_with_url(url: str) -> str | None:
    """Why this is no vault's address; None if it is one."""
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("https", "http") and bool(parts.hostname)
    except ValueError:
        is_one = False
    if not (is_one and url.isprintable() and " " not in url):
        return f"{url!r} does not begin with https:// and a host"
    return None if len(url) <= _LONGEST_URL else f"it has {_LONGEST_URL} characters at most"


def problem_with_logo(logo: bytes | None) -> str | None:
    """Why this cannot be a logo; None if it can."""
    if logo and len(logo) > LARGEST_LOGO:
        return f"{len(logo)} bytes; a logo has 1 MB at most"
    if logo and not logo.startswith(_PICTURES) and b"<svg" not in logo[:2000]:
        return "this is no PNG, JPEG or SVG"
    return None


def _mistakes_in_secrets(secrets: Mapping[str, str]) -> dict[str, str]:
    mistakes = {}
    for part, secret in secrets.items():
        if part not in KNOWN_SECRETS:
            mistakes[part] = f"a secret is {' or '.join(sorted(KNOWN_SECRETS))}"
        elif part == "token" and not secret:
            mistakes[part] = "an issuer needs its vault's token"
        elif not (secret.isascii() and secret.isprintable()):
            mistakes[part] = _ONE_LINE.format(part.replace("_", " "))
        elif part == "token" and " " in secret:
            mistakes[part] = _ONE_LINE.format(part)
    return mistakes


def _told(part: str, problem: str | None) -> dict[str, str]:
    return {} if problem is None else {part: problem}


def _too_long() -> str:
    return f"it has {_LONGEST_NAME} characters at most"


def change(bridge: Bridge, name: str, changes: Changes, *, who: str) -> str:
    """Change an issuer; return what was changed, as the history has it.

    Raises Unfit, bridge.store.accounts.NotThere.
    """
    texts = {"signatory_name": changes.signatory_name, "signatory_role": changes.signatory_role}
    mistakes = {
        **given.mistakes_in(owners=changes.owners),
        **{part: _too_long() for part, text in texts.items() if len(text or "") > _LONGEST_NAME},
        **_told("logo", problem_with_logo(changes.logo)),
    }
    if mistakes:
        raise Unfit(mistakes)
    values: dict[str, Any] = {
        part: text or None for part, text in texts.items() if text is not None
    }
    if changes.logo is not None:
        values["logo"] = changes.logo or None
    told = [
        f"{part.replace('_', ' ')}: {text or 'none'}"
        for part, text in texts.items()
        if text is not None
    ]
    told += [] if changes.logo is None else [f"logo: {len(changes.logo)} bytes"]
    with bridge.database.write() as conn:
        row = accounts.issuer_named(conn, name)
        if changes.owners is not None:
            values["owners"] = sealed(changes.owners, kind="issuer", name=name, keys=bridge.keys)
            told.append(given.told_owners(changes.owners))
        before = facts(conn, row.id, kind="issuer", keys=bridge.keys)
        accounts.change(conn, row.id, kind="issuer", **values)
        after = facts(conn, row.id, kind="issuer", keys=bridge.keys)
        detail, now = "; ".join(told), bridge.database.now(conn)
        events.record(
            conn, row.id, "changed", at=now, who=who, detail=detail, before=before, after=after
        )
    return detail


def check(bridge: Bridge, name: str, *, who: str) -> Iterator[Permission]:
    """Try each permission the token needs, one by one; if all are there, a paused issuer sends on.

    Raises bridge.store.accounts.NotThere, bridge.vault_client.Unavailable.
    """
    with bridge.database.read() as conn:
        row = accounts.issuer_named(conn, name)
    all_there = True
    for permission in bridge.vault_of(row).probe():
        all_there = all_there and permission.ok
        yield permission
    if all_there and row.paused_at is not None:
        resume_issuer(bridge, row.id, who=who)


def resume(bridge: Bridge, name: str, *, who: str) -> None:
    """Let a paused issuer send again, untried. Raises bridge.store.accounts.NotThere."""
    with bridge.database.read() as conn:
        row = accounts.issuer_named(conn, name)
    resume_issuer(bridge, row.id, who=who)


def rotate(
    bridge: Bridge, name: str, secrets: Mapping[str, str], *, who: str, drop_old: bool = False
) -> None:
    """Replace the token or the webhook secret; workers take it up without a restart.

    What the vault signs with the old webhook secret is taken until ``drop_old``.
    Raises Unfit, LostKey, bridge.store.accounts.NotThere.
    """
    mistakes = _mistakes_in_secrets(secrets)
    if mistakes:
        raise Unfit(mistakes)
    with bridge.database.write() as conn:
        row = accounts.issuer_named(conn, name)
        now = bridge.database.now(conn)
        old = accounts.secrets_or_none(row, kind="issuer", keys=bridge.keys)
        fresh = {**old, **secrets}
        if "token" not in fresh:
            raise LostKey
        both = (secrets.get("webhook_secret", ""), str(old.get("webhook_secret") or ""))
        if live := " ".join(both).split():
            fresh["webhook_secret"] = " ".join(live[:1] if drop_old else dict.fromkeys(live))
        before = facts(conn, row.id, kind="issuer", keys=bridge.keys)
        accounts.set_secrets(conn, row, kind="issuer", keys=bridge.keys, secrets=fresh)
        after = facts(conn, row.id, kind="issuer", keys=bridge.keys)
        detail = ", ".join(sorted(secrets)) or "old ones dropped"
        events.record(
            conn, row.id, "rotated", at=now, who=who, detail=detail, before=before, after=after
        )
        crashpoint("issuer.rotating")
    crashpoint("issuer.rotated")
    resume_issuer(bridge, row.id, who=who, act=False)


def remove(bridge: Bridge, name: str, *, who: str) -> None:
    """Take an issuer out of use for new issuances. Its certificates stay readable.

    Raises bridge.store.accounts.NotThere.
    """
    with bridge.database.write() as conn:
        row = accounts.issuer_named(conn, name)
        now = bridge.database.now(conn)
        accounts.change(conn, row.id, kind="issuer", removed_at=now)
        was, is_now = {"in_use": True}, {"in_use": False}
        events.record(conn, row.id, "removed", at=now, who=who, before=was, after=is_now)
