"""A supervisor: `supervised.py OPTIONS COMMAND…`, the options and each command as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from runtime import logging, supervisor

options = json.loads(sys.argv[1])
supervisor.HEALTHY_S = options.get("healthy", supervisor.HEALTHY_S)
logging.configure("test", "supervisor")
processes = [
    supervisor.Process(name=f"p{n}", command=json.loads(command), env={"NUMBER": str(n)})
    for n, command in enumerate(sys.argv[2:])
]
supervised = supervisor.Supervisor(processes, grace=options.get("grace", 10))


def look() -> None:
    if "until" in options and Path(options["until"]).exists():
        supervised.stop()


supervised.run(meanwhile=look)
