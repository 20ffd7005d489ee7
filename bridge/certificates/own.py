"""An institution's own templates, changed by a form: other values, and pictures put beside them.

A changed template is a new folder, which is tried first and then takes the old one's place: who
prints meanwhile has the one or the other, whole.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bridge.certificates import pictures, sample, templates
from bridge.certificates.page import RenderError
from bridge.certificates.render import Renderer
from bridge.certificates.templates import SHIPPED, Template
from mappings.mistakes import DocumentError
from mappings.writing import Raw, Written, scalar, write

#: Bytes of one picture.
PICTURE_LIMIT = 2 * 1024 * 1024
#: Where folders are made ready, below that of the templates.
_MAKING = ".making"
_DESCRIPTION = "template.yaml"


def save(
    folder: Path,
    name: str,
    base: Template,
    *,
    values: Mapping[str, object],
    put: Mapping[str, bytes],
) -> None:
    """Have a template of that name that is ``base`` with these defaults and pictures.

    ``values`` are by parameter, ``put`` by the file's name. Raises RenderError, and nothing is
    changed: a value that does not fit, a file that is no picture, samples that do not print.
    """
    templates.require_name(name)
    for file, content in put.items():
        _require_picture(file, content)
    files = {**base.files, **put, _DESCRIPTION: _described(base, values).encode()}
    making = folder / _MAKING
    making.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=making) as place:
        new = Path(place) / name
        for file, content in files.items():
            path = new / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        _try(Path(place), name)
        _put_in_place(new, folder / name, aside=Path(place) / "old")


def _described(base: Template, values: Mapping[str, object]) -> str:
    """The description with other defaults; its comments stay."""
    text = base.files[_DESCRIPTION].decode()
    try:
        for parameter, value in values.items():
            if value != base.parameters[parameter].default:
                text = write(text, ("parameters", parameter, "default"), _written(value))
    except DocumentError as error:
        raise RenderError(
            f"The template.yaml of {base.name} cannot be changed by a form: {error}.",
            remedy="Change it in a text editor.",
        ) from error
    return text


def _try(folder: Path, name: str) -> None:
    """Print its samples. Raises RenderError."""
    with (
        tempfile.TemporaryDirectory() as cache,
        Renderer(font_cache=Path(cache), folders=(folder, SHIPPED), printers=1) as renderer,
    ):
        sample.print_all(renderer, name)


def _put_in_place(new: Path, home: Path, *, aside: Path) -> None:
    if home.exists():
        home.rename(aside)
    new.rename(home)
    shutil.rmtree(aside, ignore_errors=True)


def picture_name(parameter: str, content: bytes) -> str:
    """What a picture's file is called that is given for a parameter. Raises RenderError."""
    _require_picture(parameter, content)
    return f"{parameter.replace('_', '-')}.{pictures.kind(content)}"


def _require_picture(file: str, content: bytes) -> None:
    if len(content) > PICTURE_LIMIT:
        raise RenderError(
            f"The picture {file} is larger than {PICTURE_LIMIT // 1024 // 1024} MB.",
            remedy="Save it smaller: 2000 pixels across are enough for a whole page.",
            code="picture",
            field=file,
        )
    if pictures.kind(content) is None:
        raise RenderError(
            f"The file for {file} is no picture.",
            remedy="Give a PNG, JPEG, SVG or PDF.",
            code="picture",
            field=file,
        )


def _written(value: object) -> Written:
    if isinstance(value, bool):
        return Raw("true" if value else "false")
    if isinstance(value, list):
        return Raw("[" + ", ".join(map(_signatory, value)) + "]")
    return str(value)


def _signatory(each: Mapping[str, object]) -> str:
    days = ("from", "until")
    said: Sequence[str] = [
        f"{key}: {value if key in days else scalar(str(value))}" for key, value in each.items()
    ]
    return "{" + ", ".join(said) + "}"
