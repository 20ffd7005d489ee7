"""What a template says of itself in template.yaml.

    description: Framed and centred.
    papers: [a4, us-letter]
    parameters:
      accent: {type: colour, default: "#1f3a5f", help: Colour of the frame.}

What types there are is told in bridge.certificates.parameters. A parameter that vaultbridge.yaml
beside it has, too, takes from there what it does not say itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import yaml

from bridge.certificates.page import RenderError
from bridge.certificates.parameters import KINDS, Parameter

#: The parameters that templates share.
COMMON = "vaultbridge.yaml"
PAPERS = ("a4", "us-letter")

Described: TypeAlias = "tuple[str, tuple[str, ...], dict[str, Parameter]]"


class _Wrong(Exception):
    """What is wrong with a description."""


def described(template: str, files: Mapping[str, bytes]) -> Described:
    """The template's description, its papers and its parameters. Raises RenderError."""
    try:
        return _read(files)
    except (yaml.YAMLError, UnicodeDecodeError, _Wrong) as error:
        raise RenderError(
            f"The file template.yaml of the template {template} is missing or not a description: "
            f"{error}.",
            remedy="See templates/classic/template.yaml for what belongs in it.",
        ) from error


def _read(files: Mapping[str, bytes]) -> Described:
    said = yaml.safe_load(files.get("template.yaml", b""))
    _keys("template.yaml", said, ("description", "papers", "parameters"))
    if not isinstance(said["description"], str):
        raise _Wrong("description: it must be a text")
    papers = said["papers"]
    if not isinstance(papers, list) or not papers or any(each not in PAPERS for each in papers):
        raise _Wrong(f"papers: it must be a list of some of: {', '.join(PAPERS)}")
    if not isinstance(said["parameters"], dict):
        raise _Wrong("parameters: it must hold names, or be {}")
    common = yaml.safe_load(files.get(COMMON, b"{}"))
    parameters = {
        name: _parameter(name, _filled(each, common.get(name)), files)
        for name, each in said["parameters"].items()
    }
    return said["description"], tuple(papers), parameters


def _filled(said: Any, common: dict[str, Any] | None) -> Any:
    return common | said if isinstance(said, dict) and common is not None else said


def _parameter(name: object, said: Any, files: Mapping[str, bytes]) -> Parameter:
    where = f"parameters: {name}"
    if not isinstance(name, str):
        raise _Wrong(f"{where}: its name must be a text")
    _keys(where, said, ("type", "default"), also=("help", "choices"))
    kind, choices = said["type"], said.get("choices", [])
    if kind not in KINDS:
        raise _Wrong(f"{where}: there is no type {kind}; there are: {', '.join(KINDS)}")
    if not isinstance(choices, list) or (kind == "choice") != bool(choices):
        raise _Wrong(f"{where}: the type choice, and no other, has a list of choices")
    made = Parameter(
        name=name,
        kind=kind,
        default=said["default"],
        help=str(said.get("help", "")).strip(),
        choices=tuple(map(str, choices)),
    )
    if advice := made.advice(made.default, files):
        raise _Wrong(f"{where}: default: {advice.rstrip('.')}")
    return made


def _keys(where: str, said: object, needed: tuple[str, ...], also: tuple[str, ...] = ()) -> None:
    if not isinstance(said, dict):
        raise _Wrong(f"{where}: it must have the keys {', '.join(needed)}")
    if lacking := [key for key in needed if key not in said]:
        raise _Wrong(f"{where}: {lacking[0]} is missing")
    if unknown := [key for key in said if key not in (*needed, *also)]:
        raise _Wrong(
            f"{where}: {unknown[0]} is not known; there are: {', '.join((*needed, *also))}"
        )
