"""The embedded defaults: folder, ports, the environment kept, and the line that says ready."""

from __future__ import annotations

import json
import shlex
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from runtime.embedded import (
    LOOPBACK,
    Announcement,
    Taken,
    free_port,
    keep,
    kept,
    occupy,
    require_free,
    resolve,
    unless_set,
)
from tests.polling import eventually
from tests.processes import program


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_is_told_and_passed_over(taken: int) -> None:
    with pytest.raises(Taken, match=f"The port {taken} is taken"):
        require_free(LOOPBACK, taken)
    assert taken < free_port(LOOPBACK, after=taken - 1)


def test_an_address_that_is_not_this_machines_is_not_called_taken() -> None:
    with pytest.raises(Taken, match=r"Nothing can listen on 192\.0\.2\.1, port 8200 \(Cannot "):
        require_free("192.0.2.1", 8200)


def test_an_installation_runs_once_at_a_time(tmp_path: Path) -> None:
    with program("tests.runtime.programs.occupying", tmp_path, log=tmp_path / "log") as other:
        eventually((tmp_path / "log").read_text)
        with pytest.raises(Taken, match=f"runs already, as process {other.pid}. Stop that first"):
            occupy(tmp_path)

    occupy(tmp_path)  # however the other one ended


def test_the_environment_is_kept_for_this_user_alone_and_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OURS_MAIL", "it's a 'mail'")
    monkeypatch.setenv("THEIRS", "x")
    keep(tmp_path, {"OURS_PORT": "1"}, prefixes=("OURS_",))

    assert {"OURS_MAIL": "it's a 'mail'", "OURS_PORT": "1"} == kept(tmp_path)
    assert 0o600 == stat.S_IMODE((tmp_path / "env").stat().st_mode)
    assert "OURS_PORT=1" in shlex.split((tmp_path / "env").read_text())


def test_what_lay_in_a_folder_that_was_moved_is_where_it_lies_now(tmp_path: Path) -> None:
    data, moved = tmp_path / "first place", tmp_path / "it's moved"
    data.mkdir()
    elsewhere = {"DISK": f"{data}-2/files", "WORD": f"see {data}", "URL": "http://127.0.0.1:8200"}
    inside = {
        "FILES": f"{data}/files",
        "SELF": str(data),
        "DATABASE": f"sqlite:///{data}/x.sqlite",
        "REDIS": f"unix://{quote(str(data))}/run/redis.sock",
    }
    keep(data, {**elsewhere, **inside}, prefixes=())
    data.rename(moved)

    assert {
        **elsewhere,
        "FILES": f"{moved}/files",
        "SELF": str(moved),
        "DATABASE": f"sqlite:///{moved}/x.sqlite",
        "REDIS": f"unix://{quote(str(moved))}/run/redis.sock",
    } == kept(moved)


def test_a_folder_without_an_installation_keeps_nothing(tmp_path: Path) -> None:
    assert {} == kept(tmp_path)


def test_what_the_caller_sets_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS_A", "set")
    monkeypatch.setenv("OURS_B_FILE", "named")

    assert {"OURS_A": "set", "OURS_C": "3"} == unless_set(
        {"OURS_A": "1", "OURS_B": "2", "OURS_C": "3"}
    )


def test_a_program_is_found_beside_this_python() -> None:
    program, *rest = resolve(("certvault", "clock"))

    assert Path(program).is_file()
    assert ["clock"] == rest
    with pytest.raises(FileNotFoundError, match="is not installed"):
        resolve(("no-such-program",))


def test_ready_is_said_once_and_only_when_all_are(
    taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = Announcement([f"http://{LOOPBACK}:{free_port(LOOPBACK, after=taken)}"], {})
    nobody()
    assert "" == capsys.readouterr().out

    announcement = Announcement([], {"vault": "u"})
    announcement()
    announcement()
    assert [{"ready": True, "vault": "u"}] == [
        json.loads(line) for line in capsys.readouterr().out.splitlines()
    ]
