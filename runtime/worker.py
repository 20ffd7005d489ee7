"""An RQ worker for one step: in this process, one queue, only our one job function."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import uuid4

import structlog
from rq import SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from runtime.bell import ANSWER, connect, queue_name

#: A job works through due rows for at most this long, then rings again for the rest.
SLICE_S = 30.0

log = structlog.get_logger()

_steps: dict[str, Callable[[], bool]] = {}


class Refused(Exception):
    """A job named a function that is not ours. Redis must be reachable by our processes only."""


class WakeUp(Job):
    """A job that can name one function; whoever can write to Redis cannot run another."""

    @property
    def func(self) -> Callable[..., object]:
        if self.func_name != ANSWER:
            raise Refused(f"refused a job for {self.func_name!r}")
        return answer


def answer(step: str) -> None:
    """Work through what is due for a step, slice by slice."""
    run = _steps[step]
    until = time.monotonic() + SLICE_S
    while run() and time.monotonic() < until:
        pass


def work(url: str, *, service: str, steps: dict[str, Callable[[], bool]]) -> None:
    """Answer the bells of one step until told to stop (SIGTERM, SIGINT finish the job first).

    ``steps`` maps a step's name to a function that does one batch of due work and says whether
    there may be more.
    """
    _steps.update(steps)
    queues = [queue_name(service, step) for step in steps]
    # A fixed name would be taken for minutes after a kill.
    worker = SimpleWorker(
        queues,
        name=f"{queues[0]}-{uuid4().hex}",
        connection=connect(url),
        job_class=WakeUp,
        serializer=JSONSerializer,
        log_job_description=False,
    )
    worker.work(logging_level="WARNING")
