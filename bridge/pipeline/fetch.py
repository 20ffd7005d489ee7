"""Fetch the certificate files that an LMS makes, and freeze each as it comes the first time.

Only then may the issuance be sent. A file that is not there yet is asked for again, for days.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.pipeline import by_site, endings, holding
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import cause, cause_of
from bridge.store import completions, events, file_sources, holds, issuances
from bridge.store.states import IssuanceState
from bridge.store.tables import issuance
from bridge.store.troubles import MENDED, troubled
from connectors.base import Capability, CertificateFile, Completion, Connector, Problem
from runtime.crashpoint import crashpoint
from runtime.lease import LeaseLost, lease_of, release

NAME = "fetch"
#: Moodle makes a file in a tenth of a second.
BATCH = 20

#: What a vault takes of one file, in bytes.
LARGEST = 20 * 1024 * 1024
#: ISO 32000-2, 7.5.2: how a PDF begins.
PDF = b"%PDF-"

_NO_FILES = Problem(
    problem="The mapping takes the certificate's file from the LMS, and this site gives none.",
    remedy="Set the site up for it (for Moodle: customcert_name), or let the mapping print the "
    "page: `certificate: {template: classic}`; then replay.",
    code="no_files",
)
_NONE_YET = Problem(
    problem="The LMS has made no certificate file for this learner yet.",
    remedy="See in the LMS what the learner lacks for it, or have them open it there once; then "
    "replay.",
    code="none_yet",
)


def run(bridge: Bridge) -> bool:
    """Fetch the files that are due, a batch a site; say whether there may be more."""
    return by_site.run(bridge, STEP)


def _work(
    bridge: Bridge, site: sa.Row[Any], connector: Connector[Any], rows: Sequence[sa.Row[Any]]
) -> None:
    able = Capability.FETCH_FILE in connector.capabilities()
    for row in rows:
        told = connector.certificate_file(_completion(bridge, row)) if able else _NO_FILES
        crashpoint("fetch.fetched")
        if told is None and _may_come(bridge, row):
            by_site.again(
                bridge,
                STEP,
                [row],
                cause=cause(NAME, _NONE_YET.code),
                problem=_NONE_YET.problem,
                remedy=f"Nothing: it is asked for again. {_NONE_YET.remedy}",
            )
            continue
        _settle(bridge, row, told or _NONE_YET)
    bridge.ring("issue")


def _completion(bridge: Bridge, row: sa.Row[Any]) -> Completion:
    with bridge.database.read() as conn:
        found: Any = completions.by_id(conn, row.completion_id)
    return completions.unpack(found.data)


def _may_come(bridge: Bridge, row: sa.Row[Any]) -> bool:
    """Whether it is asked for again by itself."""
    with bridge.database.read() as conn:
        now = bridge.database.now(conn)
    asked_since: datetime = row.failing_since or now
    return now - asked_since < bridge.settings.file_within


def _settle(bridge: Bridge, row: sa.Row[Any], told: CertificateFile | Problem) -> None:
    fault = told if isinstance(told, Problem) else _unfit(told.content)
    with bridge.database.write() as conn, suppress(LeaseLost):
        now = bridge.database.now(conn)
        if isinstance(told, CertificateFile) and fault is None:
            _freeze(conn, row, told, now=now)
        elif fault is not None:
            said = {"problem": fault.problem, "remedy": fault.remedy}
            _stop(conn, row, cause=cause_of(NAME, fault), **said, now=now)
        crashpoint("fetch.settling")
    crashpoint("fetch.settled")


def _unfit(content: bytes) -> Problem | None:
    """Why a file is none that a vault takes, as far as its beginning and its length say."""
    again = "Look at the certificate in the LMS and mend it there; then replay."
    if not content.startswith(PDF):
        return Problem(problem="The LMS's file is no PDF.", remedy=again, code="no_pdf")
    if len(content) > LARGEST:
        said = f"The LMS's file has {len(content):,} bytes; a vault takes {LARGEST:,}."
        return Problem(problem=said, remedy=again, code="too_large")
    return None


def _freeze(
    conn: sa.Connection, row: sa.Row[Any], found: CertificateFile, *, now: datetime
) -> None:
    sha256 = issuances.keep_file(conn, found.content, now=now)
    release(
        conn,
        issuance,
        lease_of(row),
        **_then(conn, row, now=now),
        file_sha256=sha256,
        certificate=row.certificate | {"made_of": {"name": found.name}},
        tries=0,
        updated_at=now,
    )
    events.record(conn, row.id, "file fetched", at=now, detail=f"sha256 {sha256}")


def _then(conn: sa.Connection, row: sa.Row[Any], *, now: datetime) -> dict[str, Any]:
    """It is sent; or waits for nothing but a person, if it is held together with others."""
    if not holds.is_waiting(row):
        return {"next_run_at": now, "state": IssuanceState.READY, **MENDED}
    said = holding.said(holds.by_id(conn, row.hold_id))
    return {"next_run_at": None, **troubled(row, now=now, **said)}


def _stop(
    conn: sa.Connection,
    row: sa.Row[Any],
    *,
    cause: str,
    problem: str,
    remedy: str,
    now: datetime,
) -> None:
    """A person decides about this certificate."""
    held = IssuanceState.HELD
    endings.stop(conn, row, held, cause=cause, problem=problem, remedy=remedy, now=now)


#: What a person decides about is fetched, too: they want to see it.
_FETCHING = sa.or_(
    issuance.c.state == IssuanceState.FETCHING,
    sa.and_(holds.waits(), file_sources.lacks_lms_file()),
)

STEP = by_site.Step(
    name=NAME,
    doing="Fetching its file",
    table=issuance,
    turns=by_site.fresh_first(issuance, _FETCHING),
    batch=BATCH,
    work=_work,
    stop=_stop,
)
