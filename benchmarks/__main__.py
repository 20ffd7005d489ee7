"""Run benchmarks, print one table, write benchmarks/results.json: python -m benchmarks [NAME…].

Each benchmark is a module of this folder whose ``run`` yields rows. What is compared is measured by
turns in one run, so that whatever else the machine does hits both sides alike. The exit status is 1
if a row is not as wanted.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import import_module

import structlog

from benchmarks import results
from benchmarks.rows import Row, table

BENCHMARKS = (
    "expressions",
    "rendering",
    "bridge_ingest",
    "bridge_end_to_end",
    "bridge_growth",
    "bridge_memory",
    "bridge_backtest",
    "console_list",
    "console_preview",
    "vault_upload",
    "vault_processing",
    "vault_list",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print and write; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    names = parser.parse_args(arguments).names or BENCHMARKS
    if unknown := sorted(set(names) - set(BENCHMARKS)):
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    measured = {name: _run(name) for name in names}
    results.write(results.PATH, measured)
    lines = table((name, row.as_json()) for name, rows in measured.items() for row in rows)
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if any(row.met is False for rows in measured.values() for row in rows) else 0


def _run(name: str) -> list[Row]:
    """The rows of one benchmark, each told as it comes: some take minutes."""
    rows = []
    for row in import_module(f"benchmarks.{name}").run():
        rows.append(row)
        sys.stderr.write(f"{name}: {row}\n")
    return rows


if __name__ == "__main__":
    sys.exit(main())
