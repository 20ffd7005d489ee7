"""Named points at which a process can be made to die, to prove in tests that nothing is lost there.

``CRASH_AT=receive.stored:2`` kills the process, as ``kill -9`` does, when it comes by that point
the second time; ``receive.stored:2:STOP`` pauses it there, ``receive.stored:2:TERM`` asks it there
to end. Without the variable a point does nothing.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable

VARIABLE = "CRASH_AT"

#: Is told the name of each point that is reached.
Watcher = Callable[[str], None]


def crashpoint(name: str) -> None:
    """Mark a point, ``<step>.<what has just happened>``; each name stands in one place."""
    if _watcher is not None:
        _watcher(name)


def watch(watcher: Watcher | None) -> None:
    """Have this process's points told to ``watcher``, or to nobody."""
    global _watcher  # noqa: PLW0603  # one process, one way to die
    _watcher = watcher


def death(text: str) -> Watcher:
    """A watcher that signals the process at ``name:count[:signal]``: KILL, STOP or TERM.

    Raises ValueError for any other text.
    """
    found = re.fullmatch(r"([a-z_.]+):([1-9][0-9]{0,3})(?::(KILL|STOP|TERM))?", text)
    if found is None:
        raise ValueError(f"{VARIABLE}: {text!r} is not a point and a count, as in single.sent:1")
    name, lock, left = found[1], threading.Lock(), int(found[2])
    number = signal.Signals[f"SIG{found[3] or 'KILL'}"]

    def reached(at: str) -> None:
        nonlocal left
        if at == name:
            with lock:
                left -= 1
                if left == 0:
                    _signal(number)

    return reached


def _signal(number: signal.Signals) -> None:
    if number is signal.SIGTERM:  # which the main thread answers
        os.kill(os.getpid(), number)
    else:  # sent to the process, this thread could go on for a few steps
        signal.pthread_kill(threading.get_ident(), number)


_watcher: Watcher | None = death(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None
