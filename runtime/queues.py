"""RQ's queues and workers as they stand in Redis, read and left alone.

RQ's own reading cleans up while it reads: it drops entries, and calls what jobs have failed. Here
the keys are read themselves, by commands that change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import redis
from rq.defaults import RQ_KEY_PREFIX

from runtime.bell import connect

#: Workers and queues that are told; more of them are none of ours.
MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One queue: jobs that wait, that a worker has taken, and that failed lately."""

    name: str
    waiting: int
    taken: int  #: by a worker that has not begun with it; it should be 0 or 1
    started: int
    failed: int
    oldest: datetime | None  #: when the job that waits longest was put in


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One worker, as it last told of itself."""

    name: str
    queues: tuple[str, ...]
    host: str
    pid: int | None
    state: str
    born: datetime | None
    seen: datetime | None
    done: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What stands in Redis; ``problem`` says why it could not be read."""

    queues: Sequence[Queue] = ()
    workers: Sequence[Worker] = ()
    memory: int | None = None  #: bytes that Redis uses
    version: str | None = None
    problem: str | None = None


def standing(url: str) -> Standing:
    """Read it; raises nothing."""
    try:
        with connect(url) as client:
            info = client.info()
            return Standing(
                queues=list(_queues(client)),
                workers=sorted(_workers(client), key=lambda one: (one.queues, one.name)),
                memory=info.get("used_memory"),
                version=info.get("valkey_version") or info.get("redis_version"),
            )
    except redis.RedisError as exc:
        return Standing(problem=f"Redis does not answer ({type(exc).__name__})")


def _queues(client: redis.Redis) -> Iterator[Queue]:
    names = sorted(_text(key).split(":queue:", 1)[-1] for key in client.smembers(_key("queues")))
    for name in names[:MOST]:
        waiting = _key("queue", name)
        first = client.lindex(waiting, -1)  # workers take from that end
        yield Queue(
            name=name,
            waiting=client.llen(waiting),
            taken=client.llen(f"{waiting}:intermediate"),
            started=client.zcard(_key("wip", name)),
            failed=client.zcard(_key("failed", name)),
            oldest=_moment(client.hget(_key("job", _text(first)), "enqueued_at"))
            if first
            else None,
        )


def _workers(client: redis.Redis) -> Iterator[Worker]:
    for key in sorted(client.smembers(_key("workers")))[:MOST]:
        told = {_text(name): _text(value) for name, value in client.hgetall(key).items()}
        if told:  # one that was killed is still named for a while
            yield _worker(_text(key).split(":worker:", 1)[-1], told)


def _worker(name: str, told: Mapping[str, str]) -> Worker:
    return Worker(
        name=name,
        queues=tuple(told.get("queues", "").split(",")),
        host=told.get("hostname", ""),
        pid=_number(told.get("pid")),
        state=told.get("state", ""),
        born=_moment(told.get("birth")),
        seen=_moment(told.get("last_heartbeat")),
        done=_number(told.get("successful_job_count")) or 0,
        failed=_number(told.get("failed_job_count")) or 0,
    )


def _key(*parts: str) -> str:
    return ":".join((RQ_KEY_PREFIX, *parts))


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _moment(told: bytes | str | None) -> datetime | None:
    if told is None:
        return None
    try:
        moment = datetime.fromisoformat(_text(told))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
