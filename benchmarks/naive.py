"""The naive way from a completion to a gradebook, to compare with: a job a certificate.

Each job prints its certificate, uploads it, asks until the vault has made it, and writes one cell
of the gradebook. python -m benchmarks.naive REDIS_URL is a worker as RQ makes them by default: it
forks for every job. Nothing is looked up, remembered or tried again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import redis
from rq import Queue, Worker

from benchmarks.bare_printing import Bare
from bridge.vault_client.client import BASE

QUEUE = "naive"
COURSE = "naive"
POLL_S = 0.05


def enqueue(
    url: str, numbers: Iterable[int], page: str, *, vault: str, lms: str, fonts: Path
) -> None:
    """Have a certificate made for each of these learners; ``page`` is what the template is told."""
    queue = Queue(QUEUE, connection=redis.Redis.from_url(url))
    for number in numbers:
        queue.enqueue(certify, number, page, vault, lms, fonts, result_ttl=0)


def certify(number: int, page: str, vault: str, lms: str, fonts: Path) -> None:
    """One certificate, all the way."""
    pdf = Bare(fonts).compile(page)
    with httpx.Client(base_url=vault + BASE) as http:
        fields = {
            "certificate_title": "Certificate of Completion: Marine Biology",
            "full_name": f"Amina O'Brien {number}",
            "applicant_email": f"learner{number}@example.edu",
            "issue_date": "2026-11-20",
        }
        file = ("certificate.pdf", pdf, "application/pdf")
        made = _data(http.post("", data=fields, files={"certificate_file": file}))
        while (told := _data(http.get(f"/{made['uuid']}")))["status"]["value"] != "generated":
            time.sleep(POLL_S)
    cell = [COURSE, str(number), told["reference_id"]]
    httpx.post(f"{lms}/write", json=[cell]).raise_for_status()


def _data(answer: httpx.Response) -> Any:
    return answer.raise_for_status().json()["data"]


if __name__ == "__main__":
    Worker([QUEUE], connection=redis.Redis.from_url(sys.argv[1])).work(logging_level="WARNING")
