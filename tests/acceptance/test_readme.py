"""The README's commands, as a newcomer types them, against the real demo and a real start."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pypdfium2
import pytest

from tests.acceptance.installation import COMMAND_S
from tests.acceptance.test_up import environment, ready, up
from tests.polling import eventually
from tests.ports import free_port
from tests.processes import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
WITHIN = 180
WATER_SAFETY, EMMA = 2, 12


def blocks() -> list[str]:
    """The README's shell blocks, indentation and language mark taken off."""
    found = re.findall(r"^ *```sh\n(.*?)^ *```$", README, flags=re.MULTILINE | re.DOTALL)
    return [block.strip() for block in found]


def lines(beginning: str) -> list[str]:
    """Every command line of the README that begins so."""
    every = [line.strip() for block in blocks() for line in block.splitlines()]
    return [line for line in every if line.startswith(beginning)]


@pytest.fixture(scope="module")
def demo() -> Iterator[tuple[int, list[dict[str, Any]], dict[str, str]]]:
    """The demo, up: its first port, its table, the addresses it prints."""
    port = free_port()
    command = [sys.executable, "-m", "campus.demo", "--json", "--port", str(port)]
    process = subprocess.Popen(  # noqa: S603  # our own
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        table = _document(process)
        yield port, table, _addresses(process)
    finally:
        process.terminate()
        process.communicate(timeout=COMMAND_S)


def _document(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    text = ""
    assert process.stdout is not None
    for line in process.stdout:
        text += line
        if line == "]\n":
            break
    rows: list[dict[str, Any]] = json.loads(text)
    return rows


def _addresses(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stderr is not None
    found = {}
    for line in process.stderr:
        if match := re.match(r"\s+([\w ]+): (http\S+)", line):
            found[match[1]] = match[2]
        if "Ctrl-C" in line:
            break
    return found


def test_the_demo_issues_every_certificate_it_can_print(demo: Any) -> None:
    _, table, _ = demo

    keys = ["learner", "course", "state", "reference_id", "status", "link", "download"]
    assert [*keys, "written_back", "problem"] == list(table[0])
    generated = [row for row in table if row["state"] == "generated"]
    assert len(generated) >= 8
    assert all(row["written_back"] and row["problem"] is None for row in generated)
    for row in generated:
        assert re.fullmatch(r"VEC-IC-20\d\d[0-9A-F]{13}", row["reference_id"])
    held = [row for row in table if row["state"] != "generated"]
    assert all(row["state"] == "held" and row["problem"] for row in held)


def test_a_download_is_the_file_itself(demo: Any, tmp_path: Path) -> None:
    _, table, _ = demo
    row = next(row for row in table if row["learner"] == "محمد علي")
    file = tmp_path / "x.pdf"

    subprocess.run(["curl", "-s", "-o", str(file), row["download"]], check=True)  # noqa: S603, S607

    page = pypdfium2.PdfDocument(file)[0].get_textpage().get_text_range()
    assert "محمد علي" in page
    assert row["reference_id"] in page


def test_the_recorded_delivery_ends_in_a_gradebook_row(demo: Any) -> None:
    port, _, addresses = demo
    [command] = lines("curl -X POST")
    campus = httpx.URL(addresses["Gradebook"]).copy_with(raw_path=b"/campus/gradebook.json")
    command = command.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    assert "" == _feedback(campus)

    first = json.loads(_sh(command))
    again = json.loads(_sh(command))

    assert ("stored", "duplicate") == (first["outcome"], again["outcome"])
    assert first["delivery"] == again["delivery"]
    assert ">Issued · VEC-IC-" in eventually(lambda: _feedback(campus), within=WITHIN)


def _feedback(campus: httpx.URL) -> str:
    answer = httpx.get(campus, params={"course": WATER_SAFETY}, trust_env=False)
    row = next(row for row in answer.json()["learners"] if row["id"] == EMMA)
    return next(i["feedback"] for i in row["items"] if i["idnumber"] == "vaultbridge")


def _sh(command: str) -> str:
    done = subprocess.run(  # noqa: S603  # a line of our own README
        shlex.split(command), cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_an_installation_starts_and_is_administered_as_the_readme_says(tmp_path: Path) -> None:
    data, port = tmp_path / "bridge", free_port()
    [start] = lines(".venv/bin/vaultbridge up")
    words = shlex.split(start)
    more = words[words.index("--institution") :]
    assert ["--data", "var/bridge", "--port", "8000"] == words[2:6]
    with up(data, port, *more) as process:
        ready(process)
        env = environment(data)
        for line in lines(".venv/bin/vaultbridge "):
            if line != start:
                _run(line.removeprefix(".venv/bin/"), env)
        _add_site(env, tmp_path)


def _add_site(env: dict[str, str], folder: Path) -> None:
    """Step 4 of "Connect your Moodle": the secrets lie in files beside."""
    (folder / "moodle-token.txt").write_text("0123456789abcdef0123456789abcdef\n")
    (folder / "webhook-tokens.txt").write_text("a-long-secret-of-our-own\n")
    add, check, show = lines("vaultbridge site")
    said = _run(add, env, cwd=folder)
    assert "/hooks/moodle/moodle-main" in said
    assert "site check moodle-main" in check
    assert "/hooks/moodle/moodle-main" in _run(show, env)


def _run(line: str, env: dict[str, str], cwd: Path = ROOT) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)])
    words = shlex.split(line)
    done = subprocess.run(  # noqa: S603  # a line of our own README
        [str(Path(sys.executable).parent / words[0]), *words[1:]],
        env={**env, "PATH": path},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_S,
    )
    assert 0 == done.returncode, f"{line}: {done.stdout}{done.stderr}"
    return done.stdout


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)

    assert ["make demo", "make test"] == lines("make ")
    assert {"demo", "test", "check"} <= set(targets)
