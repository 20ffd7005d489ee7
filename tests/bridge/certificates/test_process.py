"""The printing process: killed when too slow, started anew, gone when its parent is gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from bridge.certificates.page import RenderError, TooSlow
from bridge.certificates.render import Renderer
from tests.bridge.certificates import reading
from tests.bridge.certificates.pages import ENDLESS, GREEDY, PLAIN, a_page, a_template
from tests.polling import eventually

ROOT = Path(__file__).parents[3]
PARENT = """
import sys
from datetime import timedelta
from pathlib import Path
from bridge.certificates.render import Renderer
from tests.bridge.certificates.pages import a_page

cache, folder, name = sys.argv[1:]
one = Renderer(font_cache=Path(cache), timeout=timedelta(seconds=3), folders=(Path(folder),))
one.render(a_page(template="own"))
print("printed", flush=True)
one.render(a_page(template="own", full_name=name))
sys.stdin.read()
"""


def test_an_endless_template_is_killed_in_time_and_the_next_page_prints(with_template):
    one = with_template(ENDLESS)
    one.render(a_page(template="own"))
    began = time.monotonic()

    with pytest.raises(TooSlow, match=r"did not end within 3 s\."):
        one.render(a_page(template="own", full_name="Endless"))

    assert time.monotonic() - began < 3 + 4
    assert one.render(a_page(template="own")).startswith(b"%PDF-")


def test_a_template_that_eats_memory_ends_itself_and_not_the_machine(with_template):
    one = with_template(GREEDY)

    with pytest.raises(RenderError, match=r"died of this page, twice"):
        one.render(a_page(template="own", full_name="Greedy"))

    assert one.render(a_page(template="own")).startswith(b"%PDF-")


def test_a_child_killed_between_two_pages_is_not_noticed(font_cache: Path):
    with Renderer(font_cache=font_cache) as one:
        first = one.render(a_page())
        child = one.process_id
        assert child is not None
        os.kill(child, signal.SIGKILL)

        assert first == one.render(a_page())
        assert child != one.process_id


def test_closing_ends_the_child_and_leaves_no_zombie(font_cache: Path):
    one = Renderer(font_cache=font_cache)
    one.render(a_page())
    child = one.process_id
    assert child is not None

    one.close()

    assert not Path(f"/proc/{child}").exists()
    assert one.process_id is None


def test_a_closed_renderer_prints_again(font_cache: Path):
    with Renderer(font_cache=font_cache) as one:
        first = one.render(a_page())
        one.close()

        assert first == one.render(a_page())


def test_nothing_is_started_before_the_first_page(font_cache: Path):
    assert Renderer(font_cache=font_cache).process_id is None


def test_threads_share_the_child_and_each_gets_its_own_page(renderer: Renderer):
    names = [f"Learner {number}" for number in range(12)]
    printed: dict[str, bytes] = {}

    def print_one(name: str) -> None:
        printed[name] = renderer.render(a_page(full_name=name))

    threads = [threading.Thread(target=print_one, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(name in reading.text(printed[name]).split("\n") for name in names)


def test_the_child_is_told_no_secret(with_template, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET_OF_OURS", "vault-token")
    one = with_template(PLAIN)
    one.render(a_page(template="own"))

    assert b"vault-token" not in Path(f"/proc/{one.process_id}/environ").read_bytes()


def test_the_only_way_out_that_the_child_knows_leads_nowhere(
    with_template, monkeypatch: pytest.MonkeyPatch
):
    with closing(socket.create_server(("127.0.0.1", 0))) as proxy:
        proxy.setblocking(False)
        for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "no_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        one = with_template(PLAIN + '#let far = "@" + "preview/x:1.0.0"\n#import far')
        with pytest.raises(RenderError, match="from the network"):
            one.render(a_page(template="own"))

        with pytest.raises(BlockingIOError):
            proxy.accept()
        told = Path(f"/proc/{one.process_id}/environ").read_bytes().split(b"\0")
        assert {b"https_proxy=http://127.0.0.1:9", b"all_proxy=http://127.0.0.1:9"} <= set(told)


@pytest.mark.parametrize("name", ["Idle", "Endless"])
def test_a_parent_killed_with_sigkill_leaves_no_child(font_cache: Path, tmp_path: Path, name: str):
    folder = a_template(tmp_path, ENDLESS)
    command = [sys.executable, "-c", PARENT, str(font_cache), str(folder), name]
    with subprocess.Popen(  # noqa: S603 - our own program
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"printed\n"
        (child,) = eventually(lambda: reading.processes_of(parent.pid))
        if name == "Endless":
            begun = reading.cpu_ticks(child)
            eventually(lambda: reading.cpu_ticks(child) > begun + 10)
        parent.kill()

    eventually(lambda: not reading.runs(child))


def test_a_forked_process_prints_with_a_child_of_its_own(font_cache: Path):
    script = """
import os, sys
from pathlib import Path
from bridge.certificates.render import Renderer
from tests.bridge.certificates.pages import a_page

one = Renderer(font_cache=Path(sys.argv[1]))
first = one.render(a_page())
mine = one.process_id
forked = os.fork()
if forked == 0:
    same = one.render(a_page()) == first and one.process_id != mine
    one.close()
    os._exit(0 if same else 1)
assert os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]) == 0
assert one.render(a_page()) == first and one.process_id == mine
one.close()
"""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", script, str(font_cache)], cwd=ROOT, capture_output=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, b"")
