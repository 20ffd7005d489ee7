"""A real worker process on a real Redis: what it answers, refuses and survives."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from rq import Callback, Queue, Webhook
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from runtime.bell import ANSWER, Bell, connect
from runtime.worker import NICER
from tests.polling import PATIENCE_S, eventually
from tests.processes import program

Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def start(redis_url: str, tmp_path: Path) -> Iterator[Start]:
    """Start a worker of one step of `programs.worker`."""
    with ExitStack() as stack:
        yield lambda step: stack.enter_context(
            program(
                "tests.runtime.programs.worker", redis_url, step, tmp_path, log=tmp_path / "log"
            )
        )


@pytest.fixture
def ring(redis_url: str) -> Callable[[str], None]:
    return Bell(redis_url, service="test").ring


def notes(folder: Path) -> list[str]:
    path = folder / "notes"
    return path.read_text().splitlines() if path.exists() else []


def enqueue(redis_url: str, step: str, function: str, *args: object, **options: Any) -> str:
    """What a stranger who can write to our Redis would do."""
    with connect(redis_url) as client:
        queue = Queue(f"test-{step}", connection=client, serializer=JSONSerializer)
        return queue.enqueue_call(function, args=args, **options).id


def status(redis_url: str, step: str, job_id: str) -> JobStatus | None:
    with connect(redis_url) as client:
        queue = Queue(f"test-{step}", connection=client, serializer=JSONSerializer)
        job = queue.fetch_job(job_id)
        return job.get_status() if job is not None else None


def test_a_worker_answers_a_bell_that_rang_before_it_started_and_one_after(
    start: Start, ring: Callable[[str], None], tmp_path: Path
) -> None:
    ring("once")
    start("once")
    eventually(lambda: notes(tmp_path) == ["once"])
    ring("once")

    eventually(lambda: notes(tmp_path) == ["once", "once"])


def test_a_worker_gives_way_to_what_answers_over_the_web(
    start: Start, ring: Callable[[str], None], tmp_path: Path
) -> None:
    worker = start("once")
    ring("once")
    eventually(lambda: notes(tmp_path) == ["once"])
    mine, its = (os.getpriority(os.PRIO_PROCESS, pid) for pid in (os.getpid(), worker.pid))

    assert its == min(19, mine + NICER)


def test_a_worker_goes_on_while_there_may_be_more(
    start: Start, ring: Callable[[str], None], tmp_path: Path
) -> None:
    start("thrice")
    ring("thrice")

    eventually(lambda: notes(tmp_path) == ["more"] * 3)


def test_a_worker_whose_slice_is_over_rings_again_for_the_rest(
    start: Start, ring: Callable[[str], None], tmp_path: Path
) -> None:
    start("sliced")
    ring("sliced")

    eventually(lambda: notes(tmp_path) == ["more"] * 3)


def test_a_failing_step_is_logged_and_marked_and_the_worker_lives_on(
    start: Start, redis_url: str, ring: Callable[[str], None], tmp_path: Path
) -> None:
    worker = start("fail_first")
    job_id = enqueue(redis_url, "fail_first", ANSWER, "fail_first")
    eventually(lambda: status(redis_url, "fail_first", job_id) is JobStatus.FAILED)
    ring("fail_first")
    eventually(lambda: notes(tmp_path) == ["run", "run"])

    assert worker.poll() is None
    assert "the first time fails" in (tmp_path / "log").read_text()


def test_a_job_for_any_other_function_is_refused_and_not_run(
    start: Start, redis_url: str, ring: Callable[[str], None], tmp_path: Path
) -> None:
    worker = start("once")
    canary = tmp_path / "canary"
    job_id = enqueue(redis_url, "once", "os.system", f"touch '{canary}'")
    eventually(lambda: status(redis_url, "once", job_id) is JobStatus.FAILED)
    ring("once")
    eventually(lambda: notes(tmp_path) == ["once"])

    assert not canary.exists()
    assert worker.poll() is None
    assert "refused a job for 'os.system'" in (tmp_path / "log").read_text()


def test_a_jobs_callbacks_are_not_run(
    start: Start, redis_url: str, ring: Callable[[str], None], tmp_path: Path
) -> None:
    start("once")
    callback = Callback("tests.runtime.programs.callback.called")
    failed = enqueue(
        redis_url,
        "once",
        "os.getcwd",
        on_success=callback,
        on_failure=callback,
        meta={"canary": str(tmp_path / "canary")},
    )
    enqueue(
        redis_url,
        "once",
        ANSWER,
        "once",
        on_success=callback,
        meta={"canary": str(tmp_path / "canary")},
    )
    eventually(lambda: notes(tmp_path) == ["once"])
    ring("once")
    eventually(lambda: notes(tmp_path) == ["once", "once"])

    assert status(redis_url, "once", failed) is JobStatus.FAILED
    assert not (tmp_path / "canary").exists()


def test_a_jobs_webhooks_are_not_called(
    start: Start, redis_url: str, ring: Callable[[str], None], tmp_path: Path
) -> None:
    called = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the library's name
            called.append(self.path)
            self.send_response(200)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        hook = Webhook(
            f"http://127.0.0.1:{server.server_port}/", job_status="finished", method="POST"
        )
        start("once")
        enqueue(redis_url, "once", ANSWER, "once", webhooks=[hook])
        eventually(lambda: notes(tmp_path) == ["once"])
        ring("once")
        eventually(lambda: notes(tmp_path) == ["once", "once"])
        server.shutdown()
        thread.join()

    assert [] == called


def test_sigterm_lets_the_job_finish_first(
    start: Start, ring: Callable[[str], None], tmp_path: Path
) -> None:
    worker = start("slow")
    ring("slow")
    eventually(lambda: notes(tmp_path) == ["begun"])
    worker.send_signal(signal.SIGTERM)
    ring("slow")  # the next one is another worker's
    (tmp_path / "go").touch()

    assert 0 == worker.wait(timeout=PATIENCE_S)
    assert ["begun", "finished"] == notes(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_worker_stops_at_once(
    start: Start, ring: Callable[[str], None], tmp_path: Path, number: int
) -> None:
    worker = start("once")
    ring("once")
    eventually(lambda: notes(tmp_path) == ["once"])
    worker.send_signal(number)

    assert 0 == worker.wait(timeout=PATIENCE_S)


def test_without_a_redis_a_worker_says_so_and_ends(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/nobody.sock"
    with program(
        "tests.runtime.programs.worker", url, "once", tmp_path, log=tmp_path / "log"
    ) as worker:
        assert 1 == worker.wait(timeout=PATIENCE_S)

    (line,) = (tmp_path / "log").read_text().splitlines()
    assert '"event": "worker_lost_redis"' in line
