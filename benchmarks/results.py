"""benchmarks/results.json: the last figures of every benchmark, and what they were measured on."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.rows import Row

PATH = Path(__file__).with_name("results.json")


def read(path: Path) -> dict[str, Any]:
    """What was written last, by benchmark; nothing if nothing was."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def write(path: Path, measured: Mapping[str, Sequence[Row]]) -> None:
    """Put these benchmarks' figures in the place of their last ones; the others' stay."""
    about = {
        "on": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
    }
    new = {
        name: {**about, "rows": [row.as_json() for row in rows]} for name, rows in measured.items()
    }
    text = json.dumps({**read(path), **new}, indent=1, ensure_ascii=False, sort_keys=True)
    path.write_text(f"{text}\n", "utf-8")
