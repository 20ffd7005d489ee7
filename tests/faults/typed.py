"""What a person types, run in this process; or, as a program, in lives that end at a point.

``python -m tests.faults.typed CONFIG``, by `tests.faults.lives`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any

from bridge import cli
from tests.faults.lives import Tell, arm, serve


def typed(command: Sequence[str]) -> int:
    """Run ``vaultbridge …``; its exit status."""
    sys.argv = ["vaultbridge", *command]
    with redirect_stdout(sys.stderr):  # the other is for answers
        try:
            cli.main()
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


def live(order: Mapping[str, Any], tell: Tell) -> None:
    """Run one command in an environment of its own."""
    os.environ |= order["environment"]
    arm(order, tell)
    tell(exit=typed(order["command"]))


if __name__ == "__main__":
    serve(live)
