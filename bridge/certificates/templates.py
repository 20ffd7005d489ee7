"""What a template is: a folder with template.typ, template.yaml and whatever they read.

template.yaml says ``description``, ``papers`` (Typst's names) and ``parameters``: name to
``{type, default, help}``, with ``choices`` for the type ``choice``. template.typ finds all it may
know as JSON in ``sys.inputs.data``, and files below its own folder; nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bridge.certificates.page import RenderError
from bridge.certificates.unpack import digest, unpacked

SHIPPED = Path(__file__).with_name("templates")

_PACKAGE = re.compile(r"""(?:import|include)\s*\(?\s*["']@""")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")

_TYPES: Mapping[str, Callable[[object, Mapping[str, Any]], bool]] = {
    "boolean": lambda value, _: isinstance(value, bool),
    "choice": lambda value, described: value in described["choices"],
    "colour": lambda value, _: isinstance(value, str) and bool(_COLOUR.fullmatch(value)),
    "text": lambda value, _: isinstance(value, str),
}
_WANTED = {
    "boolean": "true or false",
    "colour": 'a colour like "#1f3a5f"',
    "text": "a text",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One template, read whole."""

    name: str
    description: str
    papers: tuple[str, ...]
    parameters: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, bytes] = field(repr=False)  #: by path below its folder

    @property
    def digest(self) -> str:
        """SHA-256 of all its files, in hex: which version of the template printed a page."""
        return digest(self.files)

    def unpack(self, cache: Path) -> Path:
        """Copy it below ``cache`` and return the copy: the only folder that it can read."""
        return unpacked(cache / "templates", self.files)

    def values(self, given: Mapping[str, object]) -> dict[str, object]:
        """Each parameter's value: as given, else its default. Raises RenderError."""
        for name, value in given.items():
            self._check(name, value)
        return {name: given.get(name, known["default"]) for name, known in self.parameters.items()}

    def paper(self, name: str) -> str:
        """Return the paper's name if the template is made for it. Raises RenderError."""
        if name not in self.papers:
            raise RenderError(
                f"The template {self.name} is not made for the paper {name!r}.",
                remedy=f"Set the mapping's certificate paper to one of: {', '.join(self.papers)}.",
            )
        return name

    def _check(self, name: str, value: object) -> None:
        known = self.parameters.get(name)
        if known is None:
            raise RenderError(
                f"The template {self.name} has no parameter {name!r}.",
                remedy=f"Its parameters are: {', '.join(sorted(self.parameters)) or 'none'}.",
            )
        if not _TYPES[known["type"]](value, known):
            raise RenderError(
                f"The template {self.name} cannot take {value!r} as its parameter {name}.",
                remedy=f"Give {_wanted(known)}.",
            )


def load(name: str, folders: tuple[Path, ...] = (SHIPPED,)) -> Template:
    """Read a template from the first folder that has it.

    Raises RenderError: there is none of that name, its template.yaml is not one, or it reaches
    for something outside its folder.
    """
    found = _found(folders)
    if name not in found:
        raise RenderError(
            f"There is no template {name!r}.",
            remedy=f"Set the mapping's certificate template to one of: {', '.join(found)}.",
        )
    files = dict(_files(name, found[name]))
    return Template(name=name, files=files, **_described(name, files))


def names(folders: tuple[Path, ...] = (SHIPPED,)) -> tuple[str, ...]:
    """The templates there are, sorted."""
    return tuple(_found(folders))


def _found(folders: tuple[Path, ...]) -> dict[str, Path]:
    every = {
        path.parent.name: path.parent
        for folder in reversed(folders)
        for path in folder.glob("*/template.typ")
    }
    return dict(sorted(every.items()))


def _files(name: str, folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise RenderError(
                f"The template {name} holds a link to another place, {path.name}.",
                remedy="Copy the file into the template's folder.",
            )
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".typ":
                _refuse_packages(name, path.name, content)
            yield path.relative_to(folder).as_posix(), content


def _refuse_packages(name: str, file: str, content: bytes) -> None:
    """A package would be fetched from the network while a learner's page is printed.

    This says so early and well; an import put together at run time finds no network either.
    """
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
        if _PACKAGE.search(line):
            raise network_refused(name, f"{file}:{number}")


def network_refused(name: str, where: str) -> RenderError:
    """The error for a template that imports what begins with ``@``."""
    return RenderError(
        f"The template {name} imports a package from the network ({where}).",
        remedy='Copy what it needs into the template\'s folder and import that: "lib.typ".',
    )


def _described(name: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    try:
        said = yaml.safe_load(files.get("template.yaml", b""))
        known = {key: said[key] for key in ("description", "papers", "parameters")}
        known["papers"] = tuple(known["papers"])
        for parameter in known["parameters"].values():
            _ = (_TYPES[parameter["type"]], parameter["default"], _wanted(parameter))
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise RenderError(
            f"The file template.yaml of the template {name} is missing or not a description: "
            f"{error}.",
            remedy="See templates/classic/template.yaml for what belongs in it.",
        ) from error
    return known


def _wanted(parameter: Mapping[str, Any]) -> str:
    if parameter["type"] == "choice":
        return "one of: " + ", ".join(map(str, parameter["choices"]))
    return _WANTED[parameter["type"]]
