"""How `vaultbridge status` prints what it found, on a terminal of any width."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from bridge.cli.printing import print_table

#: So many causes are told in full; the others are a command away.
SHOWN = 6
#: Wide enough to be read.
WIDEST = 110
INDENT = " " * 8


def print_status(told: Mapping[str, Any]) -> None:
    """Print one screen."""
    _needs(told)
    _completions(told)
    _unfinished(told)
    _sites(told)
    _issuers(told)


def _needs(told: Mapping[str, Any]) -> None:
    missing, needed = told["processes_missing"], told["needs_a_person"]
    if not (missing or needed):
        click.secho("Nothing needs a person.\n", bold=True)
        return
    click.secho("Needs a person", bold=True)
    if missing:
        names = ", ".join(f"`{command}`" for command in missing)
        _say(f"Nobody runs {names}. Start what is missing; then: vaultbridge doctor")
    for one in needed[:SHOWN]:
        click.secho(f"{one['size']:>6,}  {one['cause']}", bold=True)
        since = f"since {one['since']:%Y-%m-%d %H:%M}"
        _say(" · ".join(filter(None, [", ".join(one["places"]), since])))
        _say(f"{one['means']} {one['move']}")
        click.echo(f"{INDENT}{one['command']}")  # whole, to be copied
    if len(needed) > SHOWN:
        _say(f"… and {len(needed) - SHOWN} causes more: vaultbridge failures")
    click.echo("")


def _completions(told: Mapping[str, Any]) -> None:
    found = told["completions"]
    oldest = ""
    if found["oldest_waiting"] is not None:
        oldest = f", the oldest for {_age(found['oldest_waiting'], told)}"
    click.secho(f"Since {told['since']:%Y-%m-%d %H:%M}: {found['sentence']}{oldest}", bold=True)
    for reasons, word in (
        (found["waiting"], "waiting"),
        (found["not_to_be_certified"], "not to be certified"),
    ):
        for one in reasons[:SHOWN]:
            _say(f"{one['means']} ({one['cause']})", begin=f"{one['count']:>6,}  {word}: ")
    click.echo("")


def _unfinished(told: Mapping[str, Any]) -> None:
    """What is not at its end, a line a step; and what the workers could do now."""
    steps: dict[str, list[Mapping[str, Any]]] = {}
    for one in told["unfinished"]:
        steps.setdefault(one["step"], []).append(one)
    for step, rows in steps.items():
        counts = ", ".join(f"{one['count']:,} {one['state']}" for one in rows)
        oldest = _age(min(one["since"] for one in rows), told)
        _say(f"{counts}; the oldest for {oldest}", begin=f"{step:<14}")
    due = [
        f"{bell} {one['count']:,} (for {_age(one['since'], told)})"
        for bell, one in told["queues"].items()
        if one["count"]
    ]
    _say(", ".join(due) or "nothing", begin=f"{'due now':<14}")
    click.echo("")


def _sites(told: Mapping[str, Any]) -> None:
    rows = [
        {
            "site": one["name"],
            "delivery": _age(one["last_delivery"], told),
            "write-back": _age(one["last_write_back"], told),
            "certified": f"{one['certified']:,} of {one['completed']:,}",
            "state": _state(one, told),
        }
        for one in told["sites"]
    ]
    columns = ("site", "delivery", "write-back", "certified", "state")
    print_table(columns, rows, empty="No site yet: vaultbridge site add NAME …")
    click.echo("")


def _issuers(told: Mapping[str, Any]) -> None:
    rows = [
        {
            "issuer": one["name"],
            "certificate": _age(one["last_certificate"], told),
            "state": _state(one, told),
        }
        for one in told["issuers"]
    ]
    columns = ("issuer", "certificate", "state")
    print_table(columns, rows, empty="No issuer yet: vaultbridge issuer add NAME …")


def _state(one: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    if one.get("paused_at"):
        return f"paused for {_age(one['paused_at'], told)}"
    if one.get("unsure_since"):
        return "restored: looks before it sends"
    if one["left_alone_until"]:
        return f"left alone until {one['left_alone_until']:%m-%d %H:%M}"
    return "well" if one["problem"] is None else "in trouble"


def _age(moment: datetime | None, told: Mapping[str, Any]) -> str:
    """How long ago: ``3 min``, ``5 h``, ``2 days``."""
    if moment is None:
        return "never"
    minutes = int((told["at"] - moment).total_seconds() // 60)
    if minutes < 100:
        return f"{max(minutes, 0)} min"
    return f"{minutes // 60} h" if minutes < 100 * 60 else f"{minutes // 1440} days"


def _say(text: str, *, begin: str = INDENT) -> None:
    """One paragraph; wrapped only where a person reads it."""
    if not sys.stdout.isatty():
        click.echo(begin + text)
        return
    width = min(WIDEST, shutil.get_terminal_size().columns)
    click.echo(
        textwrap.fill(
            text,
            width,
            initial_indent=begin,
            subsequent_indent=" " * min(len(begin), len(INDENT)),
            break_on_hyphens=False,
            break_long_words=False,
        )
    )
