"""A callback that a stranger's job names: it leaves a canary, if it is ever called."""

from __future__ import annotations

from pathlib import Path

from rq.job import Job


def called(job: Job, *_: object) -> None:
    """Leave the canary that the job's meta names."""
    Path(job.meta["canary"]).touch()
