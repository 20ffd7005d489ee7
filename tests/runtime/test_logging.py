"""Logs are JSON lines on standard error, and no planted canary reaches them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runtime.logging import places, redact
from tests.processes import ROOT


@pytest.fixture(scope="module")
def output() -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.runtime.programs.log"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.fixture(scope="module")
def lines(output: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.stderr.splitlines()]


def test_every_line_is_one_json_object_on_standard_error(
    output: subprocess.CompletedProcess[str], lines: list[dict[str, Any]]
) -> None:
    expected = [
        "plain",
        "by name",
        "deep",
        "by looks",
        "in a link",
        "failed",
        "an object",
        "job of [redacted]\nfailed",
        "in a thread",
    ]

    assert "" == output.stdout
    assert expected == [line["event"] for line in lines if line.get("logger") != "py.warnings"]


def test_no_canary_reaches_a_log(output: subprocess.CompletedProcess[str]) -> None:
    assert "canary" not in output.stderr


def test_each_line_says_when_and_where_also_from_a_librarys_logger_and_another_thread(
    lines: list[dict[str, Any]],
) -> None:
    for line in lines:
        age = datetime.now(UTC) - datetime.fromisoformat(line.pop("ts"))
        assert timedelta(0) <= age < timedelta(minutes=1)
        assert ("bridge", "web") == (line["service"], line["process"])
    expected = {
        "service": "bridge",
        "process": "web",
        "level": "info",
        "event": "plain",
        "delivery_id": "d-1",
        "count": 3,
        "ok": True,
        "none": None,
        "name": "محمد",
    }

    assert expected == lines[0]


def test_an_exception_tells_what_it_is_and_where_it_came_from_without_its_words(
    lines: list[dict[str, Any]],
) -> None:
    (line,) = (line for line in lines if line["event"] == "failed")
    *trace, kind = line["exception"].splitlines()

    assert ("Traceback (most recent call last):", "ValueError") == (trace[0], kind)
    assert "programs/log.py" in trace[1]


def test_of_exceptions_one_after_another_each_is_told() -> None:
    try:
        try:
            raise KeyError("canary")
        except KeyError as exc:
            raise ValueError("canary") from exc
    except ValueError as exc:
        text = places((ValueError, exc, exc.__traceback__))

    kinds = [part.strip().splitlines()[-1] for part in text.split("which came after:")]
    assert ["ValueError", "KeyError"] == kinds
    assert "canary" not in text.replace('Error("canary")', "")  # as the source has it


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET /rest?wstoken=abc&f=1 200", "GET /rest?[redacted] 200"),
        ("https://a:b@h/x", "https://[redacted]@h/x"),
        ("redis://:pw@h:1", "redis://[redacted]@h:1"),
        ("/c/abc.def-1/certificate.pdf", "/c/[redacted]/certificate.pdf"),
        ("Authorization: Bearer abc.def==", "Authorization: Bearer [redacted]"),
        ("to 'aisha@example.ae', sent", "to '[redacted]', sent"),
        ("Really? a=1", "Really? a=1"),
        ("3 rows @ 10:00, /courses/7", "3 rows @ 10:00, /courses/7"),
    ],
)
def test_a_text_loses_what_looks_private_and_nothing_else(text: str, expected: str) -> None:
    assert {"event": expected} == redact(None, "info", {"event": text})
