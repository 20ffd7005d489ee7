"""Ringing: at most one job waits, and a Redis that is down harms nobody."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
from rq import Queue
from rq.serializers import JSONSerializer
from structlog.testing import capture_logs

from runtime.bell import ANSWER, Bell, connect, queue_name


def waiting(redis_url: str, step: str) -> list[tuple[object, object]]:
    with connect(redis_url) as client:
        queue = Queue(queue_name("test", step), connection=client, serializer=JSONSerializer)
        return [(job.func_name, job.args) for job in queue.jobs]


def test_ringing_twice_while_one_waits_leaves_one_job(redis_url: str) -> None:
    bell = Bell(redis_url, service="test")
    for step in ("issue", "issue", "follow", "issue"):
        bell.ring(step)

    assert [(ANSWER, ["issue"])] == waiting(redis_url, "issue")
    assert [(ANSWER, ["follow"])] == waiting(redis_url, "follow")


def test_a_bell_goes_stale_and_leaves_no_result_behind(redis_url: str) -> None:
    Bell(redis_url, service="test").ring("issue")
    with connect(redis_url) as client:
        queue = Queue("test-issue", connection=client, serializer=JSONSerializer)
        (job,) = queue.jobs

    assert (600, 0, 3600, -1) == (job.ttl, job.result_ttl, job.failure_ttl, job.timeout)


def test_a_redis_that_is_not_there_is_logged_and_never_raised(tmp_path: Path) -> None:
    bell = Bell(f"unix://{tmp_path}/nobody.sock", service="test")
    with capture_logs() as logs:
        bell.ring("issue")

    expected = [
        {
            "event": "bell_failed",
            "log_level": "warning",
            "step": "issue",
            "reason": "ConnectionError",
        }
    ]

    assert expected == logs


def test_a_redis_that_never_answers_holds_nobody_for_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        bell = Bell(f"redis://127.0.0.1:{server.getsockname()[1]}", service="test")
        ringing = threading.Thread(target=bell.ring, args=("issue",))
        with capture_logs() as logs:
            ringing.start()
            ringing.join(timeout=10)

    assert not ringing.is_alive()
    assert ["TimeoutError"] == [entry["reason"] for entry in logs]


def test_a_redis_that_refuses_to_write_is_logged(redis_url: str) -> None:
    with connect(redis_url) as client:
        client.config_set("maxmemory", "1")
        try:
            with capture_logs() as logs:
                Bell(redis_url, service="test").ring("issue")
        finally:
            client.config_set("maxmemory", "0")

    assert ["bell_failed"] == [entry["event"] for entry in logs]


@pytest.mark.parametrize("count", [8])
def test_threads_that_ring_at_once_all_return(redis_url: str, count: int) -> None:
    bell = Bell(redis_url, service="test")
    threads = [threading.Thread(target=bell.ring, args=("issue",)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 1 <= len(waiting(redis_url, "issue")) <= count
