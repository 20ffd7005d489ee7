"""How fast uploads are accepted, and how much of that is ours.

The floor is a bare Flask view that reads the same multipart body and commits one row. Both are
served by Granian, on the same kind of database, and called by many clients over HTTP by turns.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks import databases
from benchmarks.bare_view import DATABASE
from benchmarks.load import multipart, post, seconds
from benchmarks.papers import Papers
from benchmarks.processes import answers, free_port, program, running
from benchmarks.rows import Row
from benchmarks.vaults import prepare
from vault.addresses import API

#: The week after exams: a few bridges, each with a handful of uploads under way.
CLIENTS = 32
#: Short rounds, many of them: what else the machine does comes and goes.
UPLOADS = 160
ROUNDS = 11


def run() -> Iterator[Row]:
    """A row for each database."""
    for kind in databases.KINDS:
        with tempfile.TemporaryDirectory(prefix="vb-") as name, ExitStack() as stack:
            folder = Path(name)
            url = stack.enter_context(databases.empty(kind, folder))
            yield _measured(kind, *_rates(url, folder))


def _measured(kind: str, ours: list[float], bare: list[float]) -> Row:
    return Row(
        name=f"uploads accepted, {kind}",
        figure=statistics.median(ours),
        unit="a second",
        floor=statistics.median(bare),
        ratio=statistics.median(a / b for a, b in zip(ours, bare, strict=True)),
        at_least=0.5,
    )


def _rates(url: str, folder: Path) -> tuple[list[float], list[float]]:
    """Uploads a second of each round, (ours, bare)."""
    vault, port = prepare(url, folder), free_port()
    headers = {"Authorization": f"Bearer {vault.token}"}
    floor = program(
        "benchmarks.bare_view", str(port), environment={DATABASE: url}, log=folder / "bare.log"
    )
    papers = Papers(folder)
    served = running("vault.cli", ("web",), environment=vault.environment, folder=folder)
    with served, floor:
        answers(vault.port)
        answers(port)
        ours, bare = [], []
        for number in range(ROUNDS + 1):
            bodies = [
                _body(number * UPLOADS + n, content)
                for n, content in enumerate(papers.take(UPLOADS))
            ]
            ours.append(_rate(vault.port, [post(API, body, headers) for body in bodies]))
            bare.append(_rate(port, [post("/", body, {}) for body in bodies]))
    return ours[1:], bare[1:]  # the first warms both up


def _rate(port: int, requests: list[bytes]) -> float:
    return len(requests) / seconds(port, requests, clients=CLIENTS, wanted=201)


def _body(number: int, content: bytes) -> bytes:
    fields = {
        "certificate_title": "Certificate of Achievement",
        "full_name": "John Smith",
        "applicant_email": f"person{number}@example.com",
        "issue_date": "2025-06-01",
    }
    return multipart(fields, "certificate_file", content)
