"""Settings: what is in effect and where it comes from; and what the doctor finds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from flask import request
from werkzeug.wrappers import Response

from bridge.checks import ASKING, CHECKS, GROUND
from bridge.checks.installation import Installation
from bridge.console.door import Console, page
from bridge.people.roles import Role
from bridge.settings import PREFIX, Settings, SettingsSchema
from runtime import settings as runtime_settings
from runtime.checkup import Checked, checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One setting as a person is shown it."""

    variable: str
    value: str
    about: str
    example: str
    source: str  #: the variable, or the file's variable, that it was read from; "" for the default
    is_secret: bool


def add_to(console: Console) -> None:
    """Register the page."""
    bridge = console.bridge

    @console.page("/settings", role=Role.ADMIN, whole=True)
    def settings() -> Response:
        """The settings of this process; with ``?look=1`` the doctor looks, and asks nobody else."""
        found = _looked(bridge.settings) if request.args.get("look") else None
        return page("settings.html", shown=list(_shown(bridge.settings)), found=found)

    def _looked(values: Settings) -> Sequence[Checked]:
        installation = Installation(settings=values, database=bridge.database)
        quick = {name: check for name, check in CHECKS.items() if name not in ASKING}
        checks = {name: partial(check, installation) for name, check in quick.items()}
        return list(checked(checks, ground=GROUND))


def _shown(values: Settings) -> Iterator[Shown]:
    schema = SettingsSchema()
    told = {name: _told(value) for name, value in asdict(values).items()}
    for variable, value in runtime_settings.table(schema, told, prefix=PREFIX):
        field = schema.fields[variable.removeprefix(PREFIX).lower()]
        yield Shown(
            variable=variable,
            value=value,
            about=str(field.metadata["help"]),
            example=str(field.metadata["example"]),
            source=_source(variable, os.environ),
            is_secret=runtime_settings.is_secret(field),
        )


def _told(value: Any) -> Any:
    return f"{value.total_seconds():.12g} s" if isinstance(value, timedelta) else value


def _source(variable: str, environ: Mapping[str, str]) -> str:
    """Names alone: what the environment holds is shown nowhere else."""
    return next((name for name in (variable, f"{variable}_FILE") if name in environ), "")
