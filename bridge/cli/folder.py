"""A folder of mapping documents, and what they were when folder and database last said the same.

That is kept in the folder, in ``.vaultbridge-mappings.json``: of each mapping its file, version and
SHA-256. Under version control it goes with the documents.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

import click

from mappings.document import DocumentError
from mappings.locate import read

KEPT = ".vaultbridge-mappings.json"
ENDS = (".yaml", ".yml")
MINE = ".mine"  #: what a copy of a file ends in that is written over
FORMAT = 1


class Standing(enum.Enum):
    """What has changed of a mapping since folder and database last said the same."""

    SAME = "nothing"
    HERE = "the folder's document"
    THERE = "the database's document"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What folder and database said when they last said the same."""

    file: str
    version: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A mapping document in the folder."""

    path: Path
    text: str

    @property
    def sha256(self) -> str:
        return _sha256(self.text.encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def standing(here: str | None, base: str | None, there: str | None) -> Standing:
    """What has changed, given the SHA-256 of each side's document; None where there is none."""
    if here == there:
        return Standing.SAME
    if here == base:
        return Standing.THERE
    return Standing.HERE if there == base else Standing.BOTH


class Folder:
    """The documents of a folder by the names of their mappings, and what they were before."""

    def __init__(self, path: Path) -> None:
        """Read the folder. Raises click.ClickException where it is none that we can read."""
        self.path = path
        self.base = _kept(path)
        self.unnamed: list[Path] = []  #: documents that do not say which mapping they are
        self.documents: dict[str, Document] = {}
        for document in _documents(path):
            name = _name(document.text)
            if name is None:
                self.unnamed.append(document.path)
            elif name in self.documents:
                raise click.ClickException(
                    f"{self.documents[name].path} and {document.path} are both called {name}: "
                    "take one of them away, or give it another name."
                )
            else:
                self.documents[name] = document

    @property
    def names(self) -> set[str]:
        """Every mapping that there is here, or was."""
        return {*self.documents, *self.base}

    def standing(self, name: str, there: str | None) -> Standing:
        """What has changed of a mapping whose document in the database has this SHA-256."""
        document, base = self.documents.get(name), self.base.get(name)
        here = document.sha256 if document is not None else None
        return standing(here, base.sha256 if base is not None else None, there)

    def file_of(self, name: str) -> Path:
        """Where a mapping's document is, or belongs."""
        if name in self.documents:
            return self.documents[name].path
        return self.path / (self.base[name].file if name in self.base else f"{name}.yaml")

    def is_taken(self, name: str) -> bool:
        """Whether something stands where a mapping's document belongs that no pull has put there.

        That may be its own document, changed since; another's; or what cannot be read yet.
        """
        path, base = self.file_of(name), self.base.get(name)
        if not path.exists():
            return False
        there = _sha256(path.read_bytes()) if path.is_file() else None
        return base is None or there != base.sha256

    def aside_of(self, name: str) -> Path:
        """Where what stands in the place of a mapping's document is kept; nothing is there yet."""
        path = self.file_of(name)
        ends = chain([MINE], (f"{MINE}.{number}" for number in count(2)))
        return next(one for end in ends if not (one := path.with_name(path.name + end)).exists())

    def set_aside(self, name: str) -> None:
        """Keep what stands in the place of a mapping's document under another name."""
        path = self.file_of(name)
        path.replace(self.aside_of(name))
        for other in [each for each, one in self.documents.items() if one.path == path]:
            del self.documents[other]
            if other != name:  # whose document is not here any more: as if it never had been
                self.base.pop(other, None)

    def put(self, name: str, text: str) -> Path:
        """Write a mapping's document."""
        path = self.file_of(name)
        path.write_text(text, encoding="utf-8", newline="\n")
        self.documents[name] = Document(path=path, text=text)
        return path

    def agree(self, name: str, version: int) -> None:
        """Note that the database has this mapping's document as that version."""
        document = self.documents[name]
        self.base[name] = Base(file=document.path.name, version=version, sha256=document.sha256)

    def save(self) -> None:
        """Keep what was noted."""
        mappings = {
            name: {"file": base.file, "version": base.version, "sha256": base.sha256}
            for name, base in sorted(self.base.items())
        }
        text = json.dumps({"format": FORMAT, "mappings": mappings}, indent=2) + "\n"
        fresh = self.path / f"{KEPT}.new"
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self.path / KEPT)


def _documents(folder: Path) -> Iterator[Document]:
    for path in sorted(folder.iterdir()):
        if path.suffix in ENDS and path.is_file():
            try:
                yield Document(path=path, text=path.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError) as exc:
                problem = f"{path}: cannot be read as UTF-8 text ({exc})."
                raise click.ClickException(problem) from exc


def _name(text: str) -> str | None:
    try:
        name = read(text).data.get("name")
    except DocumentError:
        return None
    return str(name) if isinstance(name, str) else None


def _kept(folder: Path) -> dict[str, Base]:
    path = folder / KEPT
    if not path.exists():
        return {}
    try:
        said: Any = json.loads(path.read_text(encoding="utf-8"))
        if said["format"] != FORMAT:
            raise ValueError(f"format {said['format']}")
        return {
            name: Base(file=Path(one["file"]).name, version=one["version"], sha256=one["sha256"])
            for name, one in said["mappings"].items()
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as exc:
        raise click.ClickException(
            f"{path} cannot be read ({exc}). Bring back the one that was there; without it, "
            "each document that differs from the database is a conflict."
        ) from exc
