"""Finding connectors: ours and everybody's, through the same door, an entry point."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from typing import Any

import httpx

from connectors.base import Clock, Connector

#: A package that brings a connector names it in this group:
#: ``[project.entry-points."vaultbridge.connectors"]``.
GROUP = "vaultbridge.connectors"
#: How an admin connects the LMS, in Markdown; it may link to files beside it.
INSTRUCTIONS = "README.md"
#: What may be shown of a connector's package: nothing that is code.
_SHOWN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.(?:md|txt|xml|json|csv|yaml)")


class UnknownConnector(LookupError):
    """No installed package offers a usable connector of this name; the text says what to do."""


def names(points: Iterable[EntryPoint] | None = None) -> list[str]:
    """The names of all installed connectors. Imports none, so a broken one stops nobody."""
    return sorted({point.name for point in _installed(points)})


def load(name: str, points: Iterable[EntryPoint] | None = None) -> type[Connector[Any]]:
    """The connector class called ``name``. Raises UnknownConnector."""
    installed = list(_installed(points))
    found = [point for point in installed if point.name == name]
    if not found:
        known = ", ".join(names(installed)) or "none at all"
        raise UnknownConnector(
            f"No connector is called {name!r}. Installed are: {known}. "
            f"Correct the name, or install the package that brings it."
        )
    if len({point.value for point in found}) > 1:
        raise UnknownConnector(
            f"The connector {name!r} is offered more than once: "
            f"{', '.join(sorted(point.value for point in found))}. Uninstall all but one."
        )
    return _checked(found[0])


def build(
    name: str, settings: Mapping[str, Any], *, http: httpx.Client, now: Clock
) -> Connector[Any]:
    """A connector for one site. Raises UnknownConnector, or marshmallow.ValidationError."""
    connector = load(name)
    return connector(connector.settings_schema().load(settings), http=http, now=now)


def beside(connector: type[Connector[Any]], name: str) -> bytes | None:
    """A file that stands beside a connector's code, such as `INSTRUCTIONS`; None if none does."""
    package = sys.modules[connector.__module__].__package__
    if not package or not _SHOWN.fullmatch(name):
        return None
    try:
        return files(package).joinpath(name).read_bytes()
    except OSError:
        return None


def _installed(points: Iterable[EntryPoint] | None) -> Iterable[EntryPoint]:
    return entry_points(group=GROUP) if points is None else points


def _checked(point: EntryPoint) -> type[Connector[Any]]:
    try:
        loaded = point.load()
    except (ImportError, AttributeError) as exc:
        raise UnknownConnector(
            f"The connector {point.name!r} ({point.value}) cannot be imported: {exc}. "
            f"Install what it needs, or uninstall the package that brings it."
        ) from exc
    if not (isinstance(loaded, type) and issubclass(loaded, Connector)):
        raise UnknownConnector(
            f"The entry point {point.name!r} ({point.value}) is no Connector class. "
            f"Point it at a subclass of connectors.base.Connector."
        )
    if loaded.name != point.name:
        raise UnknownConnector(
            f"{point.value} calls itself {loaded.name!r}, its entry point {point.name!r}. "
            f"Give both the same name."
        )
    return loaded
