"""What a template is: a folder with template.typ, template.yaml and whatever they read.

template.yaml is read by bridge.certificates.description. template.typ finds all it may know as
JSON in ``sys.inputs.data``, and files below its own folder; nothing else. Beside it lies
vaultbridge.typ, our building blocks, and vaultbridge.yaml, the parameters that templates share,
unless the folder brings its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bridge.certificates.description import COMMON, described
from bridge.certificates.page import RenderError
from bridge.certificates.parameters import Parameter
from bridge.certificates.unpack import digest, unpacked

SHIPPED = Path(__file__).with_name("templates")

#: As mapping documents write it.
_NAME = re.compile(r"(?=.{1,64}$)[a-z0-9]+(-[a-z0-9]+)*")
_PACKAGE = re.compile(r"""(?:import|include)\s*\(?\s*["']@""")
#: Our building blocks for templates.
LIBRARY = ("vaultbridge.typ", COMMON)
#: What Typst takes for fonts.
_FONTS = (".ttf", ".otf", ".ttc", ".otc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One template, read whole."""

    name: str
    description: str
    papers: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    files: Mapping[str, bytes] = field(repr=False)  #: by path below its folder
    #: SHA-256 of all its files, in hex: which version of the template printed a page.
    digest: str

    def unpack(self, cache: Path) -> Path:
        """Copy it below ``cache`` and return the copy: the only folder that it can read."""
        return unpacked(cache / "templates", self.files, named=self.digest)

    @property
    def brings_fonts(self) -> bool:
        """Whether fonts lie in its folder."""
        return any(name.lower().endswith(_FONTS) for name in self.files)

    def of_kind(self, kind: str) -> tuple[str, ...]:
        """The names of its parameters of a kind."""
        return tuple(each.name for each in self.parameters.values() if each.kind == kind)

    def values(self, given: Mapping[str, object]) -> dict[str, object]:
        """Each parameter's value: as given, else its default. Raises RenderError."""
        for name, value in given.items():
            self._check(name, value)
        return {name: given.get(name, known.default) for name, known in self.parameters.items()}

    def typed(self, name: str, text: str) -> object:
        """A parameter's value as it is typed on a command line."""
        known = self.parameters.get(name)
        if known is not None and known.kind == "boolean":
            return {"true": True, "false": False}.get(text, text)
        return text

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
        if advice := known.advice(value, self.files):
            raise RenderError(
                f"The template {self.name} cannot take {value!r} as its parameter {name}.",
                remedy=advice,
                field=name,
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
    files = _library() | dict(_files(name, found[name]))
    description, papers, parameters = described(name, files)
    return Template(
        name=name,
        description=description,
        papers=papers,
        parameters=parameters,
        files=files,
        digest=digest(files),
    )


def stamp(name: str, folders: tuple[Path, ...]) -> object:
    """What is another where a folder of a template was put in place of the one that was read.

    A file that somebody changes in a folder is not noticed, as it may be half written. None: at
    this moment there is none.
    """
    for folder in folders:
        home = folder / name
        with suppress(OSError):
            (home / "template.typ").stat()
            status = home.stat()
            return home, status.st_ino, status.st_ctime_ns if folder is not SHIPPED else 0
    return None


def folders(own: Path | None) -> tuple[Path, ...]:
    """Where templates lie: an institution's own folder first, then those that ship."""
    return (SHIPPED,) if own is None else (own, SHIPPED)


def require_name(name: str) -> None:
    """Raise RenderError where a mapping document could not name such a template."""
    if not _NAME.fullmatch(name):
        raise RenderError(
            f"{name!r} is no name for a template.",
            remedy="Take small letters, digits and single hyphens, at most 64 characters.",
        )


def begin(name: str, base: str, folder: Path) -> Path:
    """Copy a template into a folder of an institution's own; return the copy's. Raises RenderError.

    The building blocks are copied, too: an upgrade does not change what it looks like.
    """
    require_name(name)
    source = load(base, folders(folder))
    home = folder / name
    if home.exists():
        raise RenderError(f"{home} is there already.", remedy="Take another name.")
    for file, content in source.files.items():
        path = home / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return home


def parameter_fault(
    folders: tuple[Path, ...], template: str, parameter: str, value: object
) -> str | None:
    """What is wrong with giving a template this parameter, and what to do; None where it fits."""
    try:
        load(template, folders).values({parameter: value})
    except RenderError as error:
        return str(error)
    return None


def paper_fault(folders: tuple[Path, ...], template: str, paper: str) -> str | None:
    """Why a template cannot be printed on a paper, and what to do; None where it can."""
    try:
        load(template, folders).paper(paper)
    except RenderError as error:
        return str(error)
    return None


def names(folders: tuple[Path, ...] = (SHIPPED,)) -> tuple[str, ...]:
    """The templates there are, sorted."""
    return tuple(_found(folders))


def _library() -> dict[str, bytes]:
    return {name: (SHIPPED / name).read_bytes() for name in LIBRARY}


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
