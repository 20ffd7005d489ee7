"""An installation of `certvault serve` in a folder of a test's own, and commands about it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runtime.embedded import resolve
from tests.polling import PATIENCE_S


@contextmanager
def served(data: Path, *more: str, **settings: str) -> Iterator[dict[str, Any]]:
    """``certvault serve``, ended at the end; the line it prints when ready.

    What its processes log is in serve.log beside the folder; ``settings`` are its environment's.
    """
    command = resolve(("certvault", "serve", "--data", str(data), *more))
    with (data.parent / "serve.log").open("ab") as log:
        env = {**_clean(), **settings}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=env)  # noqa: S603
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
    assert 0 == process.returncode


def _clean() -> Mapping[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("VAULT_")}


def asked(*arguments: object) -> subprocess.CompletedProcess[str]:
    """A command that has ended."""
    return subprocess.run(  # noqa: S603  # our own
        resolve(("certvault", *map(str, arguments))),
        env=dict(_clean()),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def certvault(*arguments: object) -> str:
    """What a command prints on its standard output."""
    done = asked(*arguments)
    assert 0 == done.returncode, done.stderr
    return done.stdout
