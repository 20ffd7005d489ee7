"""An RQ worker for one step: in this process, one queue, only our one job function."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import redis
import structlog
from rq import SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from runtime.bell import ANSWER, Bell, connect, queue_name
from runtime.crashpoint import crashpoint

#: A job works through due rows for about this long, then rings again for the rest.
SLICE_S = 30.0
#: By how much a worker is nicer (nice(2)) than what answers over the web: somebody waits for that.
NICER = 5

log = structlog.get_logger()

_steps: dict[str, _Step] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    run: Callable[[], bool]
    bell: Bell


class Refused(Exception):
    """A job named a function that is not ours. Redis must be reachable by our processes only."""


class WakeUp(Job):
    """A job that can name one function; whoever can write to Redis cannot run another."""

    @property
    def func(self) -> Callable[..., object]:
        if self.func_name != ANSWER:
            raise Refused(f"refused a job for {self.func_name!r}")
        return answer

    def restore(self, raw_data: Any) -> Any:
        """As Job.restore, without what would run another function or call an address."""
        restored = super().restore(raw_data)
        self._success_callback_name = None
        self._failure_callback_name = None
        self._stopped_callback_name = None
        self.webhooks = []
        crashpoint("worker.dequeued")
        return restored


def answer(step: str) -> None:
    """Work through what is due for a step, for one slice; ring again if there may be more."""
    crashpoint("worker.woken")
    until = time.monotonic() + SLICE_S
    while _steps[step].run():
        if time.monotonic() >= until:
            crashpoint("worker.ringing")
            _steps[step].bell.ring(step)
            break
    crashpoint("worker.worked")


def work(url: str, *, service: str, steps: dict[str, Callable[[], bool]]) -> None:
    """Answer the bells of one step until told to stop (SIGTERM, SIGINT finish the job first).

    ``steps`` maps a step's name to a function that does one batch of due work and says whether
    there may be more. Ends the process with status 1 if Redis is lost: the supervisor starts
    another.
    """
    os.nice(NICER)
    bell = Bell(url, service=service)
    _steps.update({name: _Step(run=run, bell=bell) for name, run in steps.items()})
    queues = [queue_name(service, step) for step in steps]
    try:
        SimpleWorker(
            queues,
            # A fixed name would be taken for minutes after a kill.
            name=f"{queues[0]}-{uuid4().hex}",
            connection=connect(url),
            job_class=WakeUp,
            serializer=JSONSerializer,
            log_job_description=False,
        ).work(logging_level="WARNING")
    except redis.RedisError as exc:
        log.warning("worker_lost_redis", queue=queues[0], reason=type(exc).__name__)
        raise SystemExit(1) from exc
