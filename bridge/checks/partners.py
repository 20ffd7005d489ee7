"""Issuers' vaults and sites' LMSs: whether each answers, and lets us do what we need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from bridge.checks.installation import Installation
from bridge.store import accounts, mapping_versions
from bridge.vault_client import VaultError
from bridge.wiring import Bridge
from connectors.base import ConnectorError
from runtime import checkup
from runtime.checkup import Finding
from runtime.keys import KeyProblem


def issuers(of: Installation) -> Iterator[Finding]:
    """Whether each issuer's vault takes its token."""
    with of.database.read() as conn:
        rows = accounts.issuers(conn)
    if not rows:
        yield checkup.note("There is none yet: vaultbridge issuer add NAME")
        return
    try:
        with of.bridge() as bridge:
            for row in rows:
                yield from _issuer(bridge, row)
    except KeyProblem:
        yield checkup.note("Not asked: their tokens cannot be read. See keys, above.")


def _issuer(bridge: Bridge, row: sa.Row[Any]) -> Iterator[Finding]:
    check = f"vaultbridge issuer check {row.name}"
    try:
        missing = [one.name for one in bridge.vault_of(row).probe() if not one.ok]
    except VaultError as exc:
        yield Finding(
            text=f"{row.name}: {exc} What is to be sent waits. See that {row.vault_url} runs and "
            f"can be reached from here, then: {check}"
        )
        return
    if missing:
        yield Finding(
            text=f"{row.name}: {row.vault_url} does not take its token for {', '.join(missing)}. "
            "Give it these there, or enter another token: "
            f"vaultbridge issuer rotate {row.name} --secret token=@FILE"
        )
    elif row.paused_at is not None:
        yield Finding(
            text=f"{row.name}: the vault takes its token again, but sending is paused since "
            f"{row.paused_at:%Y-%m-%d %H:%M} UTC. To resume: {check}"
        )


def sites(of: Installation) -> Iterator[Finding]:
    """Whether each site's LMS answers and has granted what we need; and whether any is used."""
    with of.database.read() as conn:
        rows = accounts.sites(conn)
        mapped = bool(mapping_versions.active(conn))
    if not rows:
        yield checkup.note("There is none yet: vaultbridge site add NAME")
        return
    if not mapped:
        yield checkup.note("No mapping is active, so nothing is issued: vaultbridge mappings add")
    try:
        with of.bridge() as bridge:
            for row in rows:
                yield from _site(bridge, row)
    except KeyProblem:
        yield checkup.note("Not asked: their secrets cannot be read. See keys, above.")


def _site(bridge: Bridge, row: sa.Row[Any]) -> Iterator[Finding]:
    check = f"vaultbridge site check {row.name}"
    try:
        found = list(bridge.connector_of(row).check())
    except ConnectorError as exc:
        remedy = getattr(exc, "remedy", "See that the LMS can be reached from here.")
        yield Finding(text=f"{row.name}: {exc} {remedy} Then: {check}")
        return
    missing = [one for one in found if not one.ok]
    for one in missing:
        said = " ".join(filter(None, [one.problem or "It is missing.", one.remedy]))
        yield Finding(text=f"{row.name}: {one.name}: {said} Then: {check}")
    for one in found:
        if one.note is not None:
            yield checkup.note(f"{row.name}: {one.name}: {one.note}")
    if not missing and row.problem is not None:
        yield checkup.note(
            f"{row.name}: all is there again. What waited for it goes on by itself; at once with: "
            f"{check}"
        )
