"""The campus as a process: quick to start, many requests at once, a clean end, nothing lost."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from flask import Flask

from campus.app import create_app
from campus.moodle import Moodle
from campus.serve import running
from tests.campus.conftest import SERVER
from tests.polling import PATIENCE_S

SITE_INFO = {
    "wstoken": "WSTOKEN",
    "wsfunction": "core_webservice_get_site_info",
    "moodlewsrestformat": "json",
}


@contextmanager
def process(folder: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    (folder / "ws").write_text("WSTOKEN\n")
    (folder / "hook").write_text("HOOKTOKEN\n")
    command = [sys.executable, "-m", "campus", "--ws-token-file", str(folder / "ws")]
    command += ["--hook-token-file", str(folder / "hook"), "--data", str(folder / "data"), *more]
    with subprocess.Popen(  # noqa: S603  # our own command
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as popen:
        try:
            assert popen.stdout is not None
            yield popen, popen.stdout.readline()
        finally:
            popen.kill()


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_address_serves_and_ends_when_told(
    name: signal.Signals, tmp_path: Path
) -> None:
    with process(tmp_path) as (popen, line):
        address = json.loads(line)["campus"]
        answer = httpx.post(f"{address}{SERVER}", data=SITE_INFO).json()
        popen.send_signal(name)
        out, err = popen.communicate(timeout=PATIENCE_S)

    assert (address, 0, "", "") == (answer["siteurl"], popen.returncode, out, err)


def test_a_killed_campus_remembers_what_was_completed(tmp_path: Path) -> None:
    with process(tmp_path) as (popen, line):
        address = json.loads(line)["campus"]
        httpx.post(f"{address}/course/complete", data={"course": 2, "learner": 7})
        popen.kill()
    with process(tmp_path) as (popen, line):
        address = json.loads(line)["campus"]
        learners = httpx.get(f"{address}/campus/gradebook.json?course=2").json()["learners"]

    assert [7] == [one["id"] for one in learners if one["completed"]]


def test_a_taken_port_is_said_plainly(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with process(tmp_path, "--port", str(port)) as (popen, _line):
            _, err = popen.communicate(timeout=PATIENCE_S)

    assert 2 == popen.returncode
    assert "Choose another --port" in err


def test_a_missing_token_file_is_said_plainly(tmp_path: Path) -> None:
    with process(tmp_path, "--ws-token-file", str(tmp_path / "none")) as (popen, _line):
        _, err = popen.communicate(timeout=PATIENCE_S)

    assert 2 == popen.returncode
    assert "No such file" in err


def test_control_is_off_unless_started_with_it(tmp_path: Path) -> None:
    with process(tmp_path) as (_, line):
        shut = httpx.get(f"{json.loads(line)['campus']}/campus/control").status_code
    with process(tmp_path, "--control") as (_, line):
        open_ = httpx.get(f"{json.loads(line)['campus']}/campus/control").status_code

    assert (404, 200) == (shut, open_)


def test_three_hundred_requests_at_once_are_all_answered(moodle: Moodle) -> None:
    def make(wwwroot: str) -> Flask:
        moodle.settings = replace(moodle.settings, wwwroot=wwwroot)
        return create_app(moodle)

    with (
        running(make) as address,
        httpx.Client(
            timeout=60, limits=httpx.Limits(max_connections=300), trust_env=False
        ) as client,
        ThreadPoolExecutor(300) as pool,
    ):
        answers = list(
            pool.map(lambda _: client.post(f"{address}{SERVER}", data=SITE_INFO), range(300))
        )

    assert {(200, address)} == {(a.status_code, a.json()["siteurl"]) for a in answers}


def test_a_lost_answer_is_cut_off_on_the_wire(moodle: Moodle) -> None:
    moodle.switches.outage = "lost_answer"

    with (
        running(lambda _: create_app(moodle)) as address,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        httpx.post(f"{address}{SERVER}", data=SITE_INFO)
