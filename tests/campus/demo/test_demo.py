"""The demo as a process, with a scripted bridge: its table, its status, what it leaves."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.polling import eventually
from tests.ports import free_port
from tests.processes import ROOT, is_alive

FAKE = Path(__file__).with_name("fake_vaultbridge.py")
#: A machine that runs other tests at the same time is slow.
PATIENCE_S = 180

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the demo in an empty folder; whatever happens, it is ended."""
    program = tmp_path / "vaultbridge"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" "$@"\n')
    program.chmod(0o700)
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str, mode: str = "good", **env: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "campus.demo", "--vaultbridge", str(program), *arguments]
        popen = subprocess.Popen(  # noqa: S603  # our own command
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "FAKE_MODE": mode, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        started.append(popen)
        return popen

    yield run
    for popen in started:
        popen.kill()
        popen.communicate()


@pytest.fixture
def part(tmp_path: Path) -> Callable[[], int]:
    """The id of a process that the bridge started, as soon as there is one."""

    def find() -> int:
        def look() -> str:
            return "".join(file.read_text() for file in tmp_path.glob("var/demo-*/bridge/part"))

        return int(eventually(look))

    return find


@pytest.fixture
def port() -> int:
    """A port that is free, with free ones after it."""
    return free_port()


def until_it_stays(demo: subprocess.Popen[str]) -> str:
    """Read what the demo shows until it stays up and waits."""
    shown = ""
    assert demo.stdout is not None
    while "Ctrl-C ends everything." not in shown:
        line = demo.stdout.readline()
        assert line, f"The demo ended after: {shown}"
        shown += line
    return shown


def rows_of(out: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["learner"], row["course"]): row for row in json.loads(out)}


def test_json_is_the_table_and_nothing_else(start: Start, tmp_path: Path, port: int) -> None:
    demo = start("--exit", "--json", "--port", str(port))

    out, err = demo.communicate(timeout=PATIENCE_S)

    rows = rows_of(out)
    assert (0, 11) == (demo.returncode, len(rows))
    link = f"http://127.0.0.1:{port}/c/2.3?a=1&b=2"
    assert {
        "learner": "محمد علي",
        "course": "Water Safety & Rescue – Basics",
        "state": "generated",
        "reference_id": "VEC-IC-20260000200000003",
        "status": "issued",
        "link": link,
        "download": f"{link}.pdf",
        "written_back": True,
        "problem": None,
    } == rows["محمد علي", "Water Safety & Rescue – Basics"]
    assert {
        "learner": "伟 王",
        "course": "Water Safety & Rescue – Basics",
        "state": "held",
        "reference_id": None,
        "status": None,
        "link": None,
        "download": None,
        "written_back": False,
        "problem": "No font has 伟.",
    } == rows["伟 王", "Water Safety & Rescue – Basics"]
    assert "✓ Completing courses" in err
    assert [] == list((tmp_path / "var").iterdir())


def test_the_bridge_may_call_the_campus_and_no_other_private_address(
    start: Start, tmp_path: Path, port: int
) -> None:
    demo = start("--exit", "--keep", "--port", str(port), BRIDGE_DATABASE_URL="sqlite:///other")
    demo.communicate(timeout=PATIENCE_S)

    folder = next((tmp_path / "var").iterdir())
    settings = json.loads((folder / "bridge" / "site").read_text())
    allowed = (folder / "bridge" / "started-with").read_text()
    assert settings["base_url"] == f"http://{allowed}"
    assert {"campus", "bridge", "ws-token", "webhook-token"} <= {p.name for p in folder.iterdir()}


def test_a_taken_port_is_passed_over(start: Start, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        out, _ = start("--exit", "--json", "--port", str(port)).communicate(timeout=PATIENCE_S)

    links = [row["link"] for row in json.loads(out) if row["link"]]
    assert all(not link.startswith(f"http://127.0.0.1:{port}/") for link in links)
    assert 10 == len(links)


def test_a_gradebook_that_does_not_show_the_certificate_is_no_success(
    start: Start, port: int
) -> None:
    demo = start("--exit", "--json", "--port", str(port), mode="not_written")
    out, _ = demo.communicate(timeout=PATIENCE_S)

    row = rows_of(out)["Emma Johnson", "Lifesaving II"]
    assert (1, "generated", False, "The campus's gradebook does not show the certificate.") == (
        demo.returncode,
        row["state"],
        row["written_back"],
        row["problem"],
    )


def test_a_completion_that_no_mapping_wants_is_no_success(start: Start, port: int) -> None:
    demo = start("--exit", "--json", "--port", str(port), mode="unmatched")
    out, _ = demo.communicate(timeout=PATIENCE_S)

    row = rows_of(out)["Seán O'Connor", "Lifesaving II"]
    assert (1, "unmatched", "No mapping wants it.") == (
        demo.returncode,
        row["state"],
        row["problem"],
    )


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("up_dies", ["up ended with status 1.", "the moon is in the wrong house."]),
        ("check_fails", ["`vaultbridge site check campus` failed:", "✗ a right is missing"]),
    ],
)
def test_what_cannot_start_is_told_with_its_cause(
    mode: str, said: list[str], start: Start, tmp_path: Path, port: int
) -> None:
    demo = start("--exit", "--json", "--port", str(port), mode=mode)
    out, err = demo.communicate(timeout=PATIENCE_S)

    assert (2, "") == (demo.returncode, out)
    assert [] == [words for words in said if words not in err]
    assert [] == list((tmp_path / "var").iterdir())


def test_without_a_terminal_it_tells_each_step_in_plain_lines(start: Start, port: int) -> None:
    out, err = start("--exit", "--port", str(port)).communicate(timeout=PATIENCE_S)

    assert "" == err
    assert "  Nguyễn Thị Minh Khai completed Water Safety & Rescue – Basics" in out
    assert "  Emma Johnson (Lifesaving II): generated, stands in the gradebook (VEC-IC-" in out
    assert "\x1b" not in out


def test_it_stays_up_until_ctrl_c_which_ends_all(
    start: Start, part: Callable[[], int], tmp_path: Path, port: int
) -> None:
    demo = start("--port", str(port))
    pid = part()
    shown = until_it_stays(demo)
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=PATIENCE_S)

    assert "/course/view.php?id=2\n" in shown.partition("  Course page: http://127.0.0.1:")[2]
    assert "  Verification at the vault: http://vault/v/VEC-IC-2026" in shown
    console = f"http://127.0.0.1:{port}/console/enter/x"
    assert f"  Console, as its first admin: {console}\n" in shown
    assert (0, []) == (demo.returncode, list((tmp_path / "var").iterdir()))
    eventually(lambda: not is_alive(pid))


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_ended_midway_it_leaves_nothing_behind(
    name: signal.Signals, start: Start, part: Callable[[], int], tmp_path: Path, port: int
) -> None:
    demo = start("--port", str(port), mode="never_ready")
    pid = part()
    demo.send_signal(name)
    demo.communicate(timeout=PATIENCE_S)

    assert (128 + name, []) == (demo.returncode, list((tmp_path / "var").iterdir()))
    # It was killed before the demo ended; the kernel takes its moment on a busy machine.
    eventually(lambda: not is_alive(pid))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a parent's death")
def test_killed_outright_its_children_end_too(start: Start, tmp_path: Path, port: int) -> None:
    demo = start("--port", str(port))
    until_it_stays(demo)
    children = [int(pid) for pid in _children(demo.pid)]
    demo.kill()
    demo.communicate()

    assert 2 == len(children)
    eventually(lambda: not any(is_alive(pid) for pid in children))


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
