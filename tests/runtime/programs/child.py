"""A child that does as it is told, well or badly."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from runtime.child_process import Head, Message, arguments, serve

MEMORY = 512 << 20


def answer(head: Head, body: bytes) -> Message:
    """Do what the head says."""
    return DOES[head["do"]](head, body)


def _echo(head: Head, body: bytes) -> Message:
    return {**head, "arguments": list(arguments()), "environment": dict(os.environ)}, body


def _loop(_head: Head, _body: bytes) -> NoReturn:
    while True:
        time.sleep(0.01)


def _crash(head: Head, _body: bytes) -> NoReturn:
    with open(head["log"], "a") as log:  # noqa: PTH123  # a program of a few lines
        log.write("crash\n")
    os.kill(os.getpid(), signal.SIGSEGV)
    raise SystemExit


def _crash_once(head: Head, body: bytes) -> Message:
    if not os.path.exists(head["log"]):  # noqa: PTH110  # a program of a few lines
        _crash(head, body)
    return {"crashed": False}, b""


def _eat(_head: Head, _body: bytes) -> Message:
    return {}, bytes(2 * MEMORY)


def _print(_head: Head, _body: bytes) -> Message:
    sys.stdout.write("not for anybody's standard output")
    return {}, b""


DOES: dict[str, Callable[[Head, bytes], Message]] = {
    "echo": _echo,
    "loop": _loop,
    "crash": _crash,
    "crash once": _crash_once,
    "eat": _eat,
    "print": _print,
}

if __name__ == "__main__":
    serve(answer, memory=MEMORY, greeting={"process": os.getpid()})
