"""Many short lives of one program: loaded once, forked for each, killed at a point, told about.

A life is a process of its own with its own connections. What it shares with the next is what any
two processes share: the database, the network, the disk. Forking costs milliseconds where starting
costs seconds, so that a life can end at every single point.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import structlog

from runtime import crashpoint
from tests.polling import PATIENCE_S
from tests.processes import ROOT

#: Tells the outside one thing; what was told is known even if the process dies right after.
Tell = Callable[..., None]
#: One life, as an order says.
Live = Callable[[Mapping[str, Any], Tell], None]

KILLED = -9


@dataclass(frozen=True, kw_only=True)
class Life:
    """How one life ended, and what it had told by then."""

    status: int  #: 0, or minus the signal that ended it
    told: list[dict[str, Any]]

    @property
    def points(self) -> list[str]:
        """The crash points it came by, in order."""
        return [one["point"] for one in self.told if "point" in one]

    def last(self, name: str, default: Any = None) -> Any:
        """What it told last under this name."""
        return next((one[name] for one in reversed(self.told) if name in one), default)

    def all(self, name: str) -> list[Any]:
        """Everything it told under this name."""
        return [one[name] for one in self.told if name in one]


class Lives:
    """The loaded program, waiting for orders."""

    def __init__(self, orders: IO[str], answers: IO[str]) -> None:
        self._orders, self._answers = orders, answers

    def live(self, order: Mapping[str, Any], *, crash: str | None = None) -> Life:
        """Let it live once; ``crash`` is where it dies, as in `runtime.crashpoint`."""
        self._orders.write(json.dumps({**order, "crash": crash}) + "\n")
        self._orders.flush()
        answer = json.loads(self._answers.readline())
        life = Life(**answer)
        failed = life.last("failed")
        assert failed is None, failed
        assert life.status in (0, KILLED), f"ended with {life.status}"
        return life


@contextmanager
def lives(module: str, config: Mapping[str, Any], *, log: Path) -> Iterator[Lives]:
    """Load a program whose ``main`` calls `serve`."""
    with log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603  # our own
            [sys.executable, "-m", module, json.dumps(config)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Lives(process.stdin, process.stdout)
    finally:
        process.stdin.close()  # the end of its orders
        process.wait(timeout=PATIENCE_S)
        process.stdout.close()


def serve(live: Live) -> None:
    """Read orders from standard input, fork for each, answer how it ended, until there are none.

    An order to ``warm`` up is lived here: what it loads and compiles, all that follow inherit.
    """
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.LogfmtRenderer()],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    for line in sys.stdin:
        order = json.loads(line)
        told, status = _here(live, order) if order.get("warm") else _fork(live, order)
        sys.stdout.write(json.dumps({"status": status, "told": told}) + "\n")
        sys.stdout.flush()


def _here(live: Live, order: Mapping[str, Any]) -> tuple[list[Any], int]:
    told: list[Any] = []
    live(order, lambda **what: told.append(what))
    crashpoint.watch(None)
    return told, 0


def _fork(live: Live, order: Mapping[str, Any]) -> tuple[list[Any], int]:
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        _be_born(live, order, theirs)
    os.close(theirs)
    with os.fdopen(ours) as lines:
        told = [json.loads(line) for line in lines]
    _, status = os.waitpid(child, 0)
    return told, os.waitstatus_to_exitcode(status)


def _be_born(live: Live, order: Mapping[str, Any], out: int) -> None:
    def tell(**what: Any) -> None:
        os.write(out, (json.dumps(what) + "\n").encode())

    try:
        live(order, tell)
    except BaseException:  # noqa: BLE001  # whatever it is, the test must see it
        tell(failed=traceback.format_exc())
    os._exit(0)  # nothing of the parent's is flushed or ended a second time


def arm(order: Mapping[str, Any], tell: Tell) -> None:
    """From here on points are told, and the order's is deadly."""
    deadly = crashpoint.death(order["crash"]) if order["crash"] else None

    def reached(name: str) -> None:
        tell(point=name)
        if deadly is not None:
            deadly(name)

    crashpoint.watch(reached)
