"""Bells: RQ jobs that say only "there may be work for this step".

The database is the queue and the truth. A bell that is lost, doubled or late costs seconds: the
clock rings again for whatever is due.
"""

from __future__ import annotations

from collections.abc import Callable

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

#: The one function a job may name; see `runtime.worker.WakeUp`.
ANSWER = "runtime.worker.answer"
STALE_AFTER_S = 600
FAILURES_KEPT_S = 3600

#: Rings for a step by its name.
Ring = Callable[[str], None]

log = structlog.get_logger()


def connect(url: str, *, patience: float = 2) -> redis.Redis:
    """A client that fails fast and never repeats a command by itself (it would ring twice).

    ``patience``: how many seconds an answer may take.
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=patience,
        socket_connect_timeout=patience,
        retry=Retry(NoBackoff(), 0),
    )


def queue_name(service: str, step: str) -> str:
    """The RQ queue of one step; one queue a worker, so that RQ can recover what it popped."""
    return f"{service}-{step}"


class Bell:
    """Rings for the steps of one service ("bridge", "vault")."""

    def __init__(self, url: str, *, service: str, patience: float = 2) -> None:
        self._redis = connect(url, patience=patience)
        self._service = service

    def ring(self, step: str) -> None:
        """Wake a worker of ``step``. A Redis that is down is logged, never raised."""
        name = queue_name(self._service, step)
        try:
            queue = Queue(name, connection=self._redis, serializer=JSONSerializer)
            # A job that still waits will start after our commit: it will see our row.
            if self._redis.llen(queue.key) == 0:
                queue.enqueue(
                    ANSWER,
                    step,
                    ttl=STALE_AFTER_S,
                    result_ttl=0,
                    failure_ttl=FAILURES_KEPT_S,
                    job_timeout=-1,
                    description=name,
                )
        except redis.RedisError as exc:
            log.warning("bell_failed", step=step, reason=type(exc).__name__)

    def problem(self) -> str | None:
        """Why nothing could be rung, or None if it could."""
        try:
            self._redis.ping()
        except redis.RedisError as exc:
            return f"Redis does not answer ({type(exc).__name__})"
        return None
