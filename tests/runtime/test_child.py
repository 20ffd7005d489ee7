"""Children: asked by many, killed when too slow, replaced when they die, gone with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from runtime.child import Busy, Child, Children, Died, NotStarted, TooLarge, TooSlow
from tests.polling import eventually
from tests.processes import ROOT, children_of, is_alive, no_more_files

LIMIT = timedelta(seconds=2)
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}

PARENT = """
import sys
from tests.runtime.test_child import a_child
child = a_child()
child.ask({"do": "echo"})
print("asked", flush=True)
child.ask({"do": sys.argv[1]})
sys.stdin.read()
"""


def a_child(program: str = "tests.runtime.programs.child", *arguments: str) -> Child:
    """A child that does as it is told."""
    return Child(program, limit=LIMIT, arguments=lambda: arguments, environment=ENVIRONMENT)


@pytest.fixture
def child() -> Iterator[Child]:
    made = a_child("tests.runtime.programs.child", "one", "two")
    yield made
    made.close()


def test_head_and_body_come_back_and_the_child_is_kept(child: Child) -> None:
    body = os.urandom(5_000_000)
    head, answered = child.ask({"do": "echo", "n": 1}, body)
    first = child.process_id
    child.ask({"do": "echo"})

    assert ("echo", 1, ["one", "two"], body) == (
        head["do"],
        head["n"],
        head["arguments"],
        answered,
    )
    assert None is not first
    assert first == child.process_id


def test_it_is_greeted_by_each_child_anew(child: Child) -> None:
    first = child.greeting()
    again = child.greeting()
    child.close()

    assert first is again
    assert first != child.greeting() == {"process": child.process_id}


def test_its_greeting_is_told_while_it_works(child: Child) -> None:
    greeted = child.greeting()
    ended = threading.Event()

    def loop() -> None:
        with pytest.raises(TooSlow):
            child.ask({"do": "loop"})
        ended.set()

    thread = threading.Thread(target=loop)
    thread.start()
    eventually(child._lock.locked)

    assert greeted is child.greeting()
    assert not ended.is_set()
    thread.join()


def test_nothing_is_started_before_the_first_request(child: Child) -> None:
    assert None is child.process_id


def test_what_does_not_end_is_killed_and_the_next_is_answered(child: Child) -> None:
    child.ask({"do": "echo"})
    slow = child.process_id
    began = time.monotonic()
    with pytest.raises(TooSlow):
        child.ask({"do": "loop"})

    assert time.monotonic() - began < 2 * LIMIT.total_seconds()
    assert None is not slow
    assert not is_alive(slow)
    assert "echo" == child.ask({"do": "echo"})[0]["do"]


def test_what_crashes_is_tried_once_more_and_then_given_up(child: Child, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(Died):
        child.ask({"do": "crash", "log": str(log)})

    assert ["crash", "crash"] == log.read_text().splitlines()
    assert "echo" == child.ask({"do": "echo"})[0]["do"]


def test_a_child_that_the_machine_ended_is_not_noticed(child: Child, tmp_path: Path) -> None:
    assert {"crashed": False} == child.ask({"do": "crash once", "log": str(tmp_path / "log")})[0]
    before = child.process_id
    assert None is not before
    os.kill(before, signal.SIGKILL)

    assert "echo" == child.ask({"do": "echo"})[0]["do"]
    assert before != child.process_id


def test_what_eats_memory_ends_itself_and_not_the_machine(child: Child) -> None:
    with pytest.raises(TooLarge):
        child.ask({"do": "eat"})

    assert "echo" == child.ask({"do": "echo"})[0]["do"]


def test_closing_ends_the_child_and_it_is_started_again_when_asked(child: Child) -> None:
    child.ask({"do": "echo"})
    first = child.process_id
    child.close()

    assert None is child.process_id
    assert not Path(f"/proc/{first}").exists()
    assert "echo" == child.ask({"do": "echo"})[0]["do"]


def test_it_is_told_no_secret_of_our_environment(
    child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_DATABASE_URL", "postgresql://user:secret@db/vault")
    told = child.ask({"do": "echo"})[0]["environment"]

    assert "secret" not in str(told)
    assert str(ROOT) == told["PYTHONPATH"]


def test_a_program_that_does_not_start_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NotStarted, match=r"nowhere does not start\. Its error output says why"):
        a_child("tests.runtime.programs.nowhere").ask({})

    assert "No module named" in capfd.readouterr().err


def test_a_process_that_cannot_be_forked_is_told(child: Child) -> None:
    with no_more_files(), pytest.raises(NotStarted, match="be started: Too many open files"):
        child.ask({})


def test_what_it_prints_is_nobodys_standard_output(
    child: Child, capfd: pytest.CaptureFixture[str]
) -> None:
    child.ask({"do": "print"})
    child.close()

    assert "" == capfd.readouterr().out


@pytest.mark.parametrize("does", ["echo", "loop"])
def test_a_parent_that_is_killed_leaves_no_child(does: str) -> None:
    with subprocess.Popen(  # noqa: S603  # our own
        [sys.executable, "-c", PARENT, does],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        assert b"asked\n" == parent.stdout.readline()
        (child,) = eventually(lambda: children_of(parent.pid))
        parent.kill()

    eventually(lambda: not is_alive(child))


def test_a_forked_process_asks_a_child_of_its_own() -> None:
    script = """
import os
from tests.runtime.test_child import a_child
child = a_child()
child.ask({"do": "echo"})
mine = child.process_id
forked = os.fork()
if forked == 0:
    child.ask({"do": "echo"})
    other = child.process_id
    child.close()
    os._exit(0 if other != mine else 1)
assert os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]) == 0
child.ask({"do": "echo"})
assert child.process_id == mine
child.close()
"""
    done = subprocess.run(  # noqa: S603  # our own
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=False
    )

    assert (0, b"") == (done.returncode, done.stderr)


@pytest.fixture
def children() -> Iterator[Children]:
    made = Children(a_child, count=2, patience=timedelta(seconds=30))
    yield made
    made.close()


def test_one_after_another_is_done_by_one_child(children: Children) -> None:
    for _ in range(3):
        children.ask({"do": "echo"})

    assert 1 == len([child for child in children._all if child.process_id])


def test_many_threads_share_them_and_each_gets_its_own_answer(children: Children) -> None:
    answers: dict[int, tuple[int, bytes]] = {}

    def ask(number: int) -> None:
        head, body = children.ask({"do": "echo", "n": number}, b"%d" % number)
        answers[number] = head["n"], body

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {n: (n, b"%d" % n) for n in range(12)} == answers


def test_whoever_waits_too_long_for_a_free_one_is_told() -> None:
    children = Children(a_child, count=1, patience=timedelta(seconds=0.1))
    began = threading.Event()

    def hold() -> None:
        with children._one():
            began.set()
            done.wait()

    done = threading.Event()
    thread = threading.Thread(target=hold)
    thread.start()
    began.wait()
    with pytest.raises(Busy):
        children.ask({"do": "echo"})
    done.set()
    thread.join()

    assert "echo" == children.ask({"do": "echo"})[0]["do"]
    children.close()
