"""What a template's parameters may be given: each kind of value, and what does not fit said well.

kind         a value of it
boolean      true or false
choice       one of its ``choices``
colour       "#1f3a5f"
text         a text; may be empty
language     one that the fixed texts are in
image        a file of the template's folder: PNG, JPEG, SVG, or a page of a PDF ("paper.pdf#2");
             empty for none
period       "2 years", "18 months", "300 days"; empty for none
signatories  a list; see bridge.certificates.signatories
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bridge.certificates import pictures, signatories, texts
from mappings.periods import EXAMPLES, PERIOD

Files = Mapping[str, bytes]

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter, as template.yaml declares it."""

    name: str
    kind: str
    default: object
    help: str
    choices: tuple[str, ...] = ()

    def advice(self, value: object, files: Files) -> str | None:
        """What to give instead of this value; None where it fits."""
        return KINDS[self.kind](value, self, files)


def _boolean(value: object, _: Parameter, __: Files) -> str | None:
    return None if isinstance(value, bool) else "Give true or false."


def _choice(value: object, parameter: Parameter, _: Files) -> str | None:
    if value in parameter.choices:
        return None
    return f"Give one of: {', '.join(parameter.choices)}."


def _colour(value: object, _: Parameter, __: Files) -> str | None:
    if isinstance(value, str) and _COLOUR.fullmatch(value):
        return None
    return 'Give a colour like "#1f3a5f".'


def _text(value: object, _: Parameter, __: Files) -> str | None:
    return None if isinstance(value, str) else "Give a text, in quotes."


def _language(value: object, _: Parameter, __: Files) -> str | None:
    if isinstance(value, str) and texts.known(value):
        return None
    return f"Give one of: {', '.join(texts.languages())}."


def _image(value: object, _: Parameter, files: Files) -> str | None:
    return None if value == "" else pictures.advice(value, files)


def _period(value: object, _: Parameter, __: Files) -> str | None:
    if value == "" or (isinstance(value, str) and PERIOD.fullmatch(value)):
        return None
    return f'Give a period like {EXAMPLES}, or "" for none.'


def _signatories(value: object, _: Parameter, files: Files) -> str | None:
    return signatories.advice(value, files)


#: Kind to what is said against a value.
KINDS: Mapping[str, Callable[[object, Parameter, Files], str | None]] = {
    "boolean": _boolean,
    "choice": _choice,
    "colour": _colour,
    "text": _text,
    "language": _language,
    "image": _image,
    "period": _period,
    "signatories": _signatories,
}
