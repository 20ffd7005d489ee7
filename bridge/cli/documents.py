"""Mapping documents as commands are given them: read from files, their mistakes told."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import click

from bridge.pipeline.known_names import known_names
from bridge.wiring import Bridge
from mappings.document import DocumentError, Known, Mapping, Mistake, load
from mappings.locate import WHOLE


def load_all_or_exit(paths: Sequence[Path], known: Known) -> Sequence[tuple[Path, Mapping]]:
    """Read documents that are to be in use together; print all mistakes and exit if any."""
    texts = {path: _text(path) for path in paths}
    good = {path: mapping for path, text in texts.items() if (mapping := _good(text, known))}
    replaced = {mapping.name for mapping in good.values()}
    in_use = [mapping for mapping in known.beside if mapping.name not in replaced]
    read: list[tuple[Path, Mapping]] = []
    for path, text in texts.items():
        # Of two good ones that clash the later is told; one with mistakes may clash with any.
        others = [mapping for _, mapping in read] if path in good else [*good.values()]
        taken = [mapping.name for mapping in others]
        found = _told(text, path, replace(known, beside=[*in_use, *others], taken=taken))
        read += [] if found is None else [(path, found)]
    if len(read) < len(texts):
        raise SystemExit(1)
    return read


def _good(text: str | Mistake, known: Known) -> Mapping | None:
    """What a document says, if it has no mistake by itself."""
    if isinstance(text, Mistake):
        return None
    with suppress(DocumentError):
        return load(text, known=replace(known, beside=()))
    return None


def _told(text: str | Mistake, path: Path, known: Known | None) -> Mapping | None:
    if isinstance(text, Mistake):
        click.echo(f"{path}:{text}", err=True)
        return None
    return read_or_tell(text, str(path), known)


def _text(path: Path) -> str | Mistake:
    """What stands in a file, or why that cannot be read."""
    before = ""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as exc:
        problem = f"cannot be read ({exc})"
    except UnicodeDecodeError as exc:
        before = exc.object[: exc.start].decode()
        problem = f"cannot be read as UTF-8 text ({exc})"
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return Mistake(line=line, column=column, key=WHOLE, problem=problem)


def load_or_tell(path: Path, known: Known | None = None) -> Mapping | None:
    """Read a file's document; print its mistakes and return None if it has any."""
    return _told(_text(path), path, known)


def read_or_tell(document: str, place: str, known: Known | None = None) -> Mapping | None:
    """Read a document that is from ``place``; print its mistakes and return None if it has any."""
    try:
        return load(document, known=known)
    except DocumentError as exc:
        for mistake in exc.mistakes:
            click.echo(f"{place}:{mistake}", err=True)
    return None


def known_here(b: Bridge, *, beside: bool = True) -> Known:
    """What a document may name here and, unless it is only tried, what it will stand beside."""
    return known_names(b.database, b.settings, beside=beside)
