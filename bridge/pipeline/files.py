"""The file of an issuance: printed once, frozen before anything of it leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, TypeAlias

import sqlalchemy as sa

from bridge.certificates.page import Page, RenderError, TooSlow
from bridge.certificates.render import PRINTERS
from bridge.pipeline import endings, pages
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import cause_of
from bridge.pipeline.patience import Patience
from bridge.store import events, issuances
from bridge.store.states import IssuanceState
from bridge.store.tables import issuance
from runtime.crashpoint import crashpoint
from runtime.lease import LeaseLost, lease_of, save

#: So many are printed, then frozen together, while those before are on their way.
GROUP = 25

Made: TypeAlias = "Printed | RenderError"


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A file, and by what hashes an auditor finds out in years how it was made."""

    content: bytes
    made_of: dict[str, Any]
    expires_on: date | None  #: as it is printed


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """An issuance with its frozen file."""

    row: sa.Row[Any]
    content: bytes


def ready(
    bridge: Bridge, rows: Sequence[sa.Row[Any]], issuer: sa.Row[Any]
) -> Iterator[list[Ready]]:
    """Yield the issuances with their files, a group at a time. What cannot be printed is held."""
    waiting, patience = iter(rows), Patience()
    with ThreadPoolExecutor(PRINTERS) as printers:
        while group := list(islice(waiting, GROUP)):
            known = _frozen(bridge, group)
            fresh = [row for row in group if row.id not in known]
            made = printers.map(lambda row: _printed(bridge, row, issuer, patience), fresh)
            known |= _freeze(bridge, list(zip(fresh, made, strict=True)))
            yield [Ready(row=row, content=known[row.id]) for row in group if row.id in known]


def _frozen(bridge: Bridge, rows: Sequence[sa.Row[Any]]) -> dict[str, bytes]:
    with bridge.database.read() as conn:
        return {
            row.id: issuances.file_content(conn, row.file_sha256)
            for row in rows
            if row.file_sha256 is not None
        }


def _printed(bridge: Bridge, row: sa.Row[Any], issuer: sa.Row[Any], patience: Patience) -> Made:
    page = pages.page_of(row, issuer)
    try:
        patience.check(page.template)
        made = _made(bridge, page)
    except RenderError as exc:
        if isinstance(exc, TooSlow):
            patience.spent(page.template)
        return exc
    patience.printed(page.template)
    return made


def _made(bridge: Bridge, page: Page) -> Printed:
    """What is printed, and by what; anew where a person changes the template meanwhile."""
    renderer = bridge.renderer
    while True:
        template = renderer.template(page.template)
        try:
            made = Printed(
                content=renderer.render(page),
                made_of=renderer.made_of(page),
                expires_on=renderer.valid_until(page),
            )
        except RenderError:
            if renderer.template(page.template) is template:
                raise
            continue
        if renderer.template(page.template) is template:
            return made


def _freeze(bridge: Bridge, made: Sequence[tuple[sa.Row[Any], Made]]) -> dict[str, bytes]:
    if not made:
        return {}
    kept = {}
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for row, file in made:
            with suppress(LeaseLost):
                if isinstance(file, RenderError):
                    endings.stop(
                        conn,
                        row,
                        IssuanceState.HELD,
                        cause=cause_of(endings.ISSUE, file),
                        problem=file.problem,
                        remedy=file.remedy,
                        now=now,
                    )
                    continue
                sha256 = issuances.keep_file(conn, file.content, now=now)
                save(
                    conn,
                    issuance,
                    lease_of(row),
                    file_sha256=sha256,
                    certificate=row.certificate | {"made_of": file.made_of},
                    expires_on=file.expires_on,
                    updated_at=now,
                )
                events.record(conn, row.id, "file made", at=now, detail=f"sha256 {sha256}")
                kept[row.id] = file.content
        crashpoint("files.freezing")
    crashpoint("files.frozen")
    return kept
