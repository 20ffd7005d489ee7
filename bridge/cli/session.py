"""What every command needs: the bridge as the environment describes it, and who acts."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bridge.connections.given import problem_with_name
from bridge.queue import SERVICE
from bridge.settings import PREFIX, from_environment
from bridge.store.events import PIPELINE
from bridge.wiring import Bridge, build
from runtime import logging
from runtime.bell import Bell

AS_OPTION = click.option("--as", "who", help="Who does it, for the history. Default: the OS user.")
JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
LIMIT_OPTION = click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="How many, newest.",
)


def _new_name(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
    if problem := problem_with_name(name):
        raise click.BadParameter(problem)
    return name


NEW_NAME = click.argument("name", callback=_new_name)


def bridge(process: str = "cli") -> Bridge:
    """The bridge of this environment; raises what `bridge.cli.main` explains."""
    logging.configure(SERVICE, process)
    settings = from_environment(os.environ)
    return build(settings, ring=Bell(settings.redis_url, service=SERVICE).ring)


def has_installation() -> bool:
    """Whether the environment says where the bridge keeps its rows."""
    name = f"{PREFIX}DATABASE_URL"
    return name in os.environ or f"{name}_FILE" in os.environ


def person(who: str | None) -> str:
    """Who a person's act is written down under."""
    name = who or getpass.getuser()
    # A service's own OS user may have the name that stands for what nobody did.
    return f"{name} (command line)" if name == PIPELINE else name


def secret_values(pairs: Sequence[str]) -> dict[str, str]:
    """Read ``key=@file`` or ``key=-`` (standard input): a secret is never an argument itself."""
    read: dict[str, str] = {}
    for pair in pairs:
        key, equals, source = pair.partition("=")
        if not equals or not (source.startswith("@") or source == "-"):
            raise click.BadParameter(
                f"{key}: a secret is read from a file or standard input: {key or 'token'}=@FILE or "
                f"{key or 'token'}=-"
            )
        read[key] = secret_text(source).strip()
        if not read[key]:
            raise click.BadParameter(f"{pair}: what is read there is empty")
    return read


def secret_text(source: str) -> str:
    """Read what ``@FILE`` or ``-`` (standard input) holds."""
    if source == "-":
        return sys.stdin.read()
    try:
        return Path(source[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise click.BadParameter(f"cannot read {source[1:]} ({exc})") from exc


def plain_values(pairs: Sequence[str]) -> dict[str, str]:
    """Read ``key=value``."""
    read: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise click.BadParameter(f"{pair!r} is not of the form key=value")
        read[key] = value
    return read
