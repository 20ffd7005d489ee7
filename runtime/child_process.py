"""Inside a child process: requests answered one after another, until the parent is gone.

A message, either way, is a head (JSON) and a body (bytes).

An endless loop in a library cannot be stopped from inside, so a child expects to be killed. If the
one that would kill it has died, the kernel does it: an interval timer is armed for each request,
and SIGALRM keeps its default action. An idle child ends with its parent, by the end of its pipe.
"""

from __future__ import annotations

import json
import resource
import signal
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

Head: TypeAlias = "Mapping[str, Any]"
Message: TypeAlias = "tuple[Head, bytes]"

#: Before each message stands how long its head is.
_LENGTH = struct.Struct("!I")

#: The head of the answer of a child that has run out of memory.
TOO_LARGE: Head = {"too_large": True}


def arguments() -> Sequence[str]:
    """What the parent's `runtime.child.Child` was given as ``arguments``."""
    return sys.argv[3:]


def serve(
    answer: Callable[[Head, bytes], Message], *, memory: int, greeting: Head | None = None
) -> None:
    """Answer requests; return when the parent has closed the pipe, however it ended.

    ``memory`` is how many bytes of address space the process may have; ``greeting`` is what the
    parent is told first.
    """
    connection, limit = Connection(int(sys.argv[1])), float(sys.argv[2])
    # Ctrl-C reaches the whole group; when to end is the parent's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        send(connection, (greeting or {}, b""))
        while True:
            request = receive(connection)
            signal.setitimer(signal.ITIMER_REAL, limit + 1)
            answered = _answered(answer, request)
            signal.setitimer(signal.ITIMER_REAL, 0)
            send(connection, answered)
    except (EOFError, ConnectionError):
        return


def _answered(answer: Callable[[Head, bytes], Message], request: Message) -> Message:
    try:
        return answer(*request)
    except MemoryError:
        return TOO_LARGE, b""


def send(connection: Connection, message: Message) -> None:
    """Send a message, with one call to the system; raises OSError."""
    head, body = message
    told = json.dumps(head).encode()
    connection.send_bytes(b"".join((_LENGTH.pack(len(told)), told, body)))


def receive(connection: Connection, *, most: int | None = None) -> Message:
    """Receive a message of at most ``most`` bytes. Raises EOFError, OSError, ValueError."""
    whole = connection.recv_bytes(most)
    if len(whole) < _LENGTH.size:
        raise ValueError("a message without its head")
    start = _LENGTH.size
    end = start + _LENGTH.unpack_from(whole)[0]
    return json.loads(whole[start:end]), whole[end:]
