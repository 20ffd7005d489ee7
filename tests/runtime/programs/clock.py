"""A clock that adds a line to a file at each beat: `clock.py FILE`."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from runtime import clock


def ring(step: str) -> None:
    with Path(sys.argv[1]).open("a") as file:
        file.write(f"{step}\n")


clock.run(lambda: ["issue"], ring, every=timedelta(milliseconds=20))
