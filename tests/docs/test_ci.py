"""What CI runs: in which order, and that each failure is a failure. Its programs are stand-ins."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs.papers import ROOT

PACKAGES = "make python3 python3-venv fonts-noto-core fonts-noto-cjk curl qpdf chromium"
STAND_IN = """#!/bin/sh
echo "$(basename "$0") $*${VAULTBRIDGE_NO_SKIPS:+ without skips}" >> "$CALLS"
case "$(basename "$0") $*" in
    "$FAILS"*) exit 3 ;;
    "make demo"*) cat "$ROWS" ;;
    *) echo "what make says on its way" ;;
esac
"""
GOOD = {
    "learner": "Ada",
    "course": "Swimming",
    "state": "generated",
    "reference_id": "VEC-IC-20260123456789ABC",
    "status": "generated",
    "link": "http://127.0.0.1:8000/c/x",
    "download": "http://127.0.0.1:8000/c/file/x",
    "written_back": True,
    "problem": None,
}
HELD = {**GOOD, "state": "held", "written_back": False, "problem": "No font can print this."}


def ci(folder: Path, rows: list[Any], *, fails: str = "nothing") -> tuple[int, list[str]]:
    """Run CI's script with stand-ins for what it calls; return its status and the calls."""
    programs = folder / "bin"
    programs.mkdir()
    for name in ("make", "apt-get"):
        (programs / name).write_text(STAND_IN, "utf-8")
        (programs / name).chmod(0o755)
    (programs / "python3").symlink_to(sys.executable)
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    (folder / "rows").write_text(json.dumps(rows), "utf-8")
    env = {
        "PATH": f"{programs}:{os.defpath}",
        "CALLS": str(folder / "calls"),
        "ROWS": str(folder / "rows"),
        "FAILS": fails,
    }
    done = subprocess.run([folder / ".ci" / "run"], env=env, capture_output=True, check=False)  # noqa: S603  # ours
    return done.returncode, (folder / "calls").read_text("utf-8").splitlines()


def test_all_is_installed_checked_tested_without_skips_and_shown(tmp_path: Path):
    status, calls = ci(tmp_path, [GOOD] * 5 + [HELD])

    assert [
        "apt-get update -q",
        f"apt-get install -q -y --no-install-recommends {PACKAGES}",
        "make check",
        "make test ARGS=--durations=40 without skips",
        "make demo ARGS=--exit --json",
        "make chaos N=40 SEED=1 DB=sqlite",
        "make chaos N=40 SEED=1 DB=postgresql",
    ] == calls
    assert status == 0


@pytest.mark.parametrize("step", ["apt-get update", "apt-get install", "make check", "make test"])
def test_a_step_that_fails_ends_it(tmp_path: Path, step: str):
    status, calls = ci(tmp_path, [GOOD] * 5, fails=step)

    assert status == 3
    assert calls[-1].startswith(step)


def test_a_demo_that_fails_is_a_failure_whatever_it_printed(tmp_path: Path):
    status, _ = ci(tmp_path, [GOOD] * 5, fails="make demo")

    assert status == 3


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_chaos_that_does_not_end_in_zeros_is_a_failure(tmp_path: Path, database: str):
    status, calls = ci(tmp_path, [GOOD] * 5, fails=f"make chaos N=40 SEED=1 DB={database}")

    assert status == 3
    assert calls[-1].endswith(database)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [GOOD] * 4 + [HELD] * 4,
        [*[GOOD] * 5, {**HELD, "problem": None}],
        [*[GOOD] * 5, {**GOOD, "written_back": False}],
        [*[GOOD] * 5, {"learner": "Ada", "state": "held", "problem": "x", "written_back": False}],
        [*[GOOD] * 4, {**GOOD, "written_back": "yes", "problem": "x"}],
    ],
)
def test_a_table_that_is_not_good_enough_is_a_failure(tmp_path: Path, rows: list[Any]):
    status, _ = ci(tmp_path, rows)

    assert status == 1


def test_it_can_be_run_and_calls_only_targets_that_exist():
    script = ROOT / ".ci" / "run"

    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0  # noqa: S603, S607
