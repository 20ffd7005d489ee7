"""A skip is a failure where VAULTBRIDGE_NO_SKIPS=1 says so, and a skip everywhere else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONFTEST = "from tests.no_skips import pytest_make_collect_report, pytest_runtest_makereport\n"
TESTS = """
import pytest

@pytest.fixture
def server():
    pytest.skip("there is no server")

@pytest.mark.skip(reason="not today")
def test_marked(): ...

def test_in_its_set_up(server): ...

def test_in_its_body():
    pytest.skip("there is no font")

@pytest.mark.xfail(reason="known")
def test_expected_to_fail():
    assert False

def test_good(): ...
"""
MODULE = 'import pytest\npytest.importorskip("there_is_no_such_module")\n'


def outcome(folder: Path, *options: str, no_skips: str | None) -> tuple[str, str]:
    """Run the tests in ``folder``; return pytest's last line without the time, and all it said."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    env |= {"PYTHONPATH": str(ROOT)}
    env.pop("VAULTBRIDGE_NO_SKIPS", None)
    if no_skips is not None:
        env["VAULTBRIDGE_NO_SKIPS"] = no_skips
    done = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, str(folder)],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    last = done.stdout.strip().splitlines()[-1]
    return re.sub(r" in [\d.]+s|=+", "", last).strip(), done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with tests of every kind, and the hooks."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n", "utf-8")
    (tmp_path / "conftest.py").write_text(CONFTEST, "utf-8")
    (tmp_path / "test_kinds.py").write_text(TESTS, "utf-8")
    return tmp_path


@pytest.mark.parametrize("options", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_each_skip_fails_with_its_reason_where_nothing_may_be_skipped(
    folder: Path, options: list[str]
):
    last, said = outcome(folder, *options, no_skips="1")

    assert "1 failed, 1 passed, 1 xfailed, 2 errors" == last
    for reason in ("not today", "there is no server", "there is no font"):
        assert f"Skipped: {reason}\nVAULTBRIDGE_NO_SKIPS=1: a skipped test counts as failed." in (
            said
        )


def test_a_module_that_skips_itself_fails_too(folder: Path):
    (folder / "test_kinds.py").unlink()
    (folder / "test_module.py").write_text(MODULE, "utf-8")

    last, said = outcome(folder, "-n", "1", no_skips="1")

    assert "1 error" == last
    assert "there_is_no_such_module" in said


@pytest.mark.parametrize("value", [None, "0"])
def test_elsewhere_a_skip_is_a_skip(folder: Path, value: str | None):
    last, _ = outcome(folder, no_skips=value)

    assert "1 passed, 3 skipped, 1 xfailed" == last


def test_the_project_s_own_tests_run_under_these_hooks():
    own = (ROOT / "tests" / "conftest.py").read_text("utf-8")

    assert CONFTEST.strip() in own
