"""Queues and workers are told as they stand, and nothing of them is changed by looking."""

from __future__ import annotations

from pathlib import Path

import redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from runtime.bell import Bell
from runtime.queues import standing


def everything(client: redis.Redis) -> dict[bytes, bytes | None]:
    return {key: client.dump(key) for key in client.scan_iter()}


def test_what_stands_in_redis_is_told_and_left_alone(redis_url: str) -> None:
    Bell(redis_url, service="bridge").ring("issue")
    client = redis.Redis.from_url(redis_url)
    # An entry that RQ's own reading would throw away: its time is over, and its job is gone.
    client.zadd("rq:wip:bridge-issue", {"gone:1": 1})
    queue = Queue("bridge-issue", connection=client, serializer=JSONSerializer)
    SimpleWorker([queue], name="bridge-issue-1", connection=client).register_birth()
    before = everything(client)

    told = standing(redis_url)

    assert before == everything(client)
    (one,) = told.queues
    assert ("bridge-issue", 1, 0, 1, 0) == (
        one.name,
        one.waiting,
        one.taken,
        one.started,
        one.failed,
    )
    assert one.oldest is not None
    (worker,) = told.workers
    assert ("bridge-issue-1", ("bridge-issue",)) == (worker.name, worker.queues)
    assert worker.seen is not None
    assert (None, True) == (told.problem, bool(told.version))


def test_a_redis_that_is_lost_is_told(tmp_path: Path) -> None:
    told = standing(f"unix://{tmp_path / 'nowhere.sock'}")

    assert told.problem == "Redis does not answer (ConnectionError)"
    assert ((), ()) == (told.queues, told.workers)
