"""Mapping documents as commands are given them: read from files, their mistakes told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from bridge.pipeline.known_names import known_names
from bridge.wiring import Bridge
from mappings.document import DocumentError, Known, Mapping, load


def load_all_or_exit(paths: Sequence[Path], known: Known) -> Sequence[tuple[Path, Mapping]]:
    """Read documents that are to be in use together; print all mistakes and exit if any."""
    alone = replace(known, beside=())
    read = [(path, document) for path in paths if (document := load_or_tell(path, alone))]
    replaced = {document.name for _, document in read}
    beside = [mapping for mapping in known.beside if mapping.name not in replaced]
    ties = 0
    for path, document in read:
        ties += load_or_tell(path, replace(known, beside=beside)) is None
        beside.append(document)
    if ties or len(read) < len(paths):
        raise SystemExit(1)
    return read


def load_or_tell(path: Path, known: Known | None = None) -> Mapping | None:
    """Read a file's document; print its mistakes and return None if it has any."""
    try:
        document = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        click.echo(f"{path}: cannot be read as UTF-8 text ({exc}).", err=True)
        return None
    return read_or_tell(document, str(path), known)


def read_or_tell(document: str, place: str, known: Known | None = None) -> Mapping | None:
    """Read a document that is from ``place``; print its mistakes and return None if it has any."""
    try:
        return load(document, known=known)
    except DocumentError as exc:
        for mistake in exc.mistakes:
            click.echo(f"{place}:{mistake}", err=True)
    return None


def known_here(b: Bridge) -> Known:
    """What a document may name here, and which others it will stand beside."""
    return known_names(b.database, b.settings)
