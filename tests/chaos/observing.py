"""Look at a town from outside: its campus, its vaults, and what the bridge shows a person."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import httpx
import sqlalchemy as sa

from bridge.store import tables
from bridge.store.states import LOOKED_AT, WriteBackState
from campus.people import IDNUMBER
from runtime.database import Database
from tests.chaos.checking import Certificate, Completed, Key, Observed, Who
from tests.chaos.learners import FIRST_ID
from tests.chaos.town import OURS, VAULT_OF, VENDOR, Town
from tests.scripted_vault.journal import Journal

#: The tables whose rows have work of their own.
WORK = (tables.delivery, tables.completion, tables.issuance, tables.write_back)
#: Of rows of gradebooks.
AT_REST = (*LOOKED_AT, WriteBackState.WAITING)
PREFIX = "Certificate of Completion: "


def restless(database: Database) -> list[str]:
    """The tables in which something is still to be done, with how much."""
    with database.read() as conn:
        counts = [(table.name, conn.execute(_waiting(table)).scalar_one()) for table in WORK]
    return [f"{name} ({count})" for name, count in counts if count]


def _waiting(table: sa.Table) -> sa.Select[Any]:
    what = sa.select(sa.func.count()).select_from(table).where(table.c.next_run_at.is_not(None))
    # What stands in a gradebook, or waits for a place there, is looked at again for ever.
    return what.where(table.c.state.not_in(AT_REST)) if table is tables.write_back else what


def observe(town: Town, database: Database, *, kills: int) -> Observed:
    """Everything, when it has come to rest; otherwise also what has not."""
    # First: to look takes a while, and work that ends meanwhile is seen by some of the looks alone.
    left = restless(database)
    completed = list(_completed(town))
    vendor, ours = _vendor(town), list(_ours(town))
    made = _made(town) + Counter(one.key for one in ours)
    return Observed(
        completed=completed,
        certificates=[*vendor, *ours],
        made=made,
        gradebook=_gradebook(town),
        held=_held(database),
        heard=sum(told_by_vaults(town).values()),
        restless=left,
        kills=kills,
    )


def _campus(town: Town) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{town.campus_file}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    return connection


def _completed(town: Town) -> Iterator[Completed]:
    with closing(_campus(town)) as campus:
        acked = {
            (row["course"], row["person"])
            for row in campus.execute("select * from hook_log where status like '2%'")
        }
        rows = campus.execute(
            "select course.id as course, course.fullname, person.id as person, firstname, lastname,"
            " email, criterion.completed from criterion join course on course.id = course"
            " join person on person.id = person"
        ).fetchall()
    for row in rows:
        who = (row["course"], row["person"])
        yield Completed(
            who=who,
            acked=who in acked,
            vault=VAULT_OF[row["course"]],
            email=row["email"].casefold(),
            title=PREFIX + row["fullname"],
            day=datetime.fromtimestamp(row["completed"], UTC).date().isoformat(),
            full_name=f"{row['firstname']} {row['lastname']}",
        )


def _gradebook(town: Town) -> dict[Who, str]:
    with closing(_campus(town)) as campus:
        rows = campus.execute(
            "select course, person, feedback from gradebook join assignment"
            " on assignment.id = assignment where idnumber = ? and person >= ?",
            (IDNUMBER, FIRST_ID),
        ).fetchall()
    return {(row["course"], row["person"]): row["feedback"] for row in rows if row["feedback"]}


def mails(town: Town) -> int:
    """How many mails the campus has sent to learners: one for each time the gradebook is told."""
    with closing(_campus(town)) as campus:
        return int(campus.execute("select count(*) from mail").fetchone()[0])


def told_by_vaults(town: Town) -> Counter[str]:
    """How many webhooks of each vault were taken, say the web processes' logs."""
    found: Counter[str] = Counter()
    for log in town.folder.glob("web*.log"):
        lines = log.read_text("utf-8", "replace").splitlines()
        found.update(json.loads(line)["issuer"] for line in lines if '"vault_told"' in line)
    return found


def _vendor(town: Town) -> list[Certificate]:
    with closing(Journal(town.vendor_file)) as journal:
        return [
            Certificate(
                vault=VENDOR,
                email=kept.email.casefold(),
                title=kept.title,
                day=str(kept.issue_date),
                full_name=kept.name,
                details=kept.details or "",
                reference_id=kept.reference_id,
                status=kept.status,
            )
            for kept in journal.certificates()
        ]


def _made(town: Town) -> Counter[Key]:
    with closing(Journal(town.vendor_file)) as journal:
        return Counter(
            {
                (VENDOR, email.casefold(), title, str(day)): count
                for (email, title, day), count in journal.ever_made().items()
            }
        )


def _ours(town: Town) -> Iterator[Certificate]:
    headers = {"Authorization": f"Bearer {town.tokens[OURS]}", "Accept": "application/json"}
    base = f"{town.vault_url}/business/certificate-vault"
    with httpx.Client(headers=headers, timeout=30, trust_env=False) as client:
        number, last = 0, 1
        while number < last:
            number += 1
            page = client.get(base, params={"page": number, "per_page": 100}).json()
            last = page["meta"]["last_page"]
            for item in page["data"]:
                whole = client.get(f"{base}/{item['uuid']}").json()["data"]
                yield Certificate(
                    vault=OURS,
                    email=whole["applicant_email"].casefold(),
                    title=whole["certificate_title"],
                    day=str(whole["issue_date"])[:10],
                    full_name=whole["full_name"],
                    details=whole["details"] or "",
                    reference_id=whole["reference_id"],
                    status=whole["status"]["value"],
                )


def _held(database: Database) -> dict[Who, str]:
    """What waits for a person, with the reason that the person is shown."""
    found: dict[Who, str] = {}
    for table, states in (
        (tables.completion, ("held", "unmatched")),
        (tables.issuance, ("held", "failed", "cancelled")),
        (tables.write_back, ("refused", "overridden", "lost")),
    ):
        with database.read() as conn:
            rows = conn.execute(sa.select(table).where(table.c.state.in_(states))).all()
        found |= {(int(row.course_id), int(row.learner_id)): str(row.problem) for row in rows}
    return found
