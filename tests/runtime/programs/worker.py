"""Answer the bells of one step: `worker.py REDIS STEP FOLDER`; each run adds a line to FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

from runtime import logging, worker
from tests.polling import eventually

url, step, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])


def note(text: str) -> int:
    with (folder / "notes").open("a") as file:
        file.write(f"{text}\n")
    return len((folder / "notes").read_text().splitlines())


def once() -> bool:
    note("once")
    return False


def thrice() -> bool:
    return note("more") < 3


def sliced() -> bool:
    return thrice()


def fail_first() -> bool:
    if note("run") == 1:
        raise RuntimeError("the first time fails")
    return False


def slow() -> bool:
    note("begun")
    eventually((folder / "go").exists)
    note("finished")
    return False


STEPS = {step.__name__: step for step in (once, thrice, sliced, fail_first, slow)}

if step == "sliced":  # before the first job, which would else have all its time
    worker.SLICE_S = 0
logging.configure("test", step)
worker.work(url, service="test", steps={step: STEPS[step]})
