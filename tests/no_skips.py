"""Where nothing may be skipped: with VAULTBRIDGE_NO_SKIPS=1 each skip is a failure that says why.

A skip says that a machine lacks something. The machine that decides whether a change is good must
lack nothing. An expected failure (xfail) is no skip.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TypeVar

import pytest

VARIABLE = "VAULTBRIDGE_NO_SKIPS"

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that skips, in its set-up or in its body."""
    report = yield
    return report if hasattr(report, "wasxfail") else _forbidden(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail a module that skips itself while it is collected."""
    return _forbidden((yield))


def _forbidden(report: Report) -> Report:
    if report.skipped and os.environ.get(VARIABLE) == "1":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason}\n{VARIABLE}=1: a skipped test counts as failed."
    return report
