"""How long the console's list of issuances takes among a million, narrowed and searched in any way.

Each page is asked a few times, as a browser gets it; its median counts. It shows how many there are
as well.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path

from flask.testing import FlaskClient

from benchmarks import crowd, databases
from benchmarks.bridges import prepare
from benchmarks.line import built
from benchmarks.rows import Row
from bridge.app import create_app
from bridge.people import entering
from bridge.people.roles import NO_LIMITS, Limits, Role
from bridge.pipeline.bridge import Bridge

ISSUANCES = 1_000_000
ROUNDS = 5
#: What any page may take, in milliseconds.
MOST = 200
LIST, COOKIE = "/console/issuances", "__Host-vaultbridge"
PASSWORD = "correct horse battery staple"  # noqa: S105

#: What is asked, by what it is called.
CASES: Mapping[str, Mapping[str, str]] = {
    "all": {},
    "state: most have it": {"state": "generated"},
    "state: few have it": {"state": "failed"},
    "state: nobody has it": {"state": "waiting"},
    "state: the newest": {"state": "processing"},
    "site": {"site": "north"},
    "site given up": {"site": "given-up"},
    "small site": {"site": "small"},
    "issuer": {"issuer": "other"},
    "mapping": {"mapping": "mapping-4"},
    "mapping of no site": {"mapping": "mapping-7"},
    "course id": {"course": "7"},
    "course that everybody takes": {"course": "0"},
    "course title": {"course": "biology"},
    "course code": {"course": "his25"},
    "a month": {"since": "2025-03-01", "until": "2025-03-31"},
    "site given up, state": {"site": "given-up", "state": "failed"},
    "site, state, month": {
        "site": "north",
        "state": "held",
        "since": "2025-03-01",
        "until": "2025-03-31",
    },
    "site given up, month after": {"site": "given-up", "since": "2025-12-01"},
    "issuer, mapping, state": {"issuer": "other", "mapping": "mapping-2", "state": "held"},
    "site and mapping that do not meet": {"site": "north", "mapping": "mapping-5"},
    "course title, state": {"course": "history", "state": "cancelled"},
    "q: nobody": {"q": "zzzz"},
    "q: one person": {"q": "badoki"},
    "q: e-mail": {"q": "maría300030@students.example.edu"},
    "q: beginning of an e-mail": {"q": "john10@"},
    "q: learner's id": {"q": "4711"},
    "q: reference id": {"q": "VEC-IC-2026000000003D091"},
    "q: name": {"q": "john smith"},
    "q: without accents": {"q": "nguyen maria"},
    "q: frequent word": {"q": "maria"},
    "q: one letter": {"q": "m"},
    "q: two Chinese characters": {"q": "明华"},
    "q: one Chinese character": {"q": "明"},
    "q: Arabic": {"q": "محمد"},
    "q: Arabic article": {"q": "ال"},
    "q: two that do not meet": {"q": "maria محمد"},
    "q: Arabic where there is none": {"q": "محمد", "site": "north"},
    "q: Chinese at the site given up": {"q": "明华", "site": "given-up"},
    "q: Chinese where there is none": {"q": "明", "site": "east"},
    "q, state: few": {"q": "maria", "state": "failed"},
    "q, state: most": {"q": "maria", "state": "generated"},
    "q, state, site": {"q": "john", "state": "held", "site": "north"},
    "q, course, month": {
        "q": "maria",
        "course": "biology",
        "since": "2025-03-01",
        "until": "2025-03-31",
    },
    "q, state, site, month": {
        "q": "ba",
        "state": "generated",
        "site": "north",
        "since": "2025-03-01",
        "until": "2025-06-30",
    },
}

#: People, each with what they see.
PEOPLE: Mapping[str, Limits] = {
    "everything": NO_LIMITS,
    "a site given up": Limits(sites=frozenset({"given-up"})),
    "a teacher": Limits(courses=frozenset({f"north/{n}" for n in range(5, 25)})),
    "an issuer": Limits(issuers=frozenset({"other"})),
}


def run() -> Iterator[Row]:
    """The first page and whatever takes longest, on each database."""
    for kind in databases.KINDS:
        with tempfile.TemporaryDirectory(prefix="vb-") as name, ExitStack() as stack:
            folder = Path(name)
            url = stack.enter_context(databases.empty(kind, folder))
            bridge = built(prepare(url, folder).environment)
            stack.callback(bridge.database.close)
            ids = crowd.fill(bridge.database, ISSUANCES, keys=bridge.keys)
            taken = measured(bridge, ids)
            slowest = max(taken, key=taken.__getitem__)
            first = taken["everything: all"]
            yield _row(f"first page of {ISSUANCES:,}", first, kind)
            yield _row(f"slowest of {len(taken)} ({slowest})", taken[slowest], kind)


def measured(bridge: Bridge, ids: Sequence[str]) -> Mapping[str, float]:
    """How long each page takes, by who asks for what: the first, one amid all, and one late."""
    client, taken = create_app(bridge).test_client(), {}
    after = {"": None, ", middle": ids[len(ids) // 2], ", late": ids[len(ids) // 20]}
    for number, (who, limits) in enumerate(PEOPLE.items()):
        _sign_in(bridge, client, f"{number}@staff.example", limits)
        for case, query in CASES.items():
            for where, last in after.items():
                asked = query if last is None else {**query, "after": last}
                taken[f"{who}: {case}{where}"] = _milliseconds(client, asked)
    for case, ms in sorted(taken.items(), key=lambda item: -item[1])[:8]:
        sys.stderr.write(f"  {ms:.0f} ms {case}\n")
    return taken


def _sign_in(bridge: Bridge, client: FlaskClient, email: str, limits: Limits) -> None:
    link = entering.invite(
        bridge, email, name="Sue", role=Role.SUPPORT, limits=limits, who="benchmark"
    )
    token = entering.accept(bridge, link.rpartition("/")[2], PASSWORD)
    client.set_cookie(COOKIE, token)


def _row(what: str, taken: float, kind: str) -> Row:
    return Row(name=f"{what}, {kind}", figure=taken, unit="ms", at_most=MOST)


def _milliseconds(client: FlaskClient, query: Mapping[str, str]) -> float:
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        answer = client.get(LIST, query_string=query)
        taken.append((time.perf_counter() - began) * 1000)
        if answer.status_code != HTTPStatus.OK:
            raise RuntimeError(f"{dict(query)}: {answer.status_code} {answer.text[:500]}")
    return statistics.median(taken)
