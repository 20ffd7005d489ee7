"""How PHP and Moodle read a form and write an answer: nested names, JSON, XML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import islice
from typing import Any, TypeAlias

#: A form as PHP sees it: names with brackets have become nested arrays, keys stay texts.
Form: TypeAlias = "dict[str, str | Form]"

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_KEY = re.compile(r"\[([^\[\]]*)\]")


def read_form(pairs: Iterable[tuple[str, str]], *, max_input_vars: int) -> Form:
    """Nest the pairs as PHP does; what comes after ``max_input_vars`` is dropped without a word.

    Source: PHP manual, "max_input_vars" (default 1000) and "Variables From External Sources".
    """
    form: Form = {}
    for name, value in islice(pairs, max_input_vars):
        if match := _NAME.fullmatch(name):
            _put(form, [match[1], *_KEY.findall(match[2])], value)
    return form


def _put(form: Form, path: Sequence[str], value: str) -> None:
    here = form
    for key in path[:-1]:
        inner = here.get(key or str(len(here)))
        if not isinstance(inner, dict):
            inner = here[key or str(len(here))] = {}
        here = inner
    here[path[-1] or str(len(here))] = value


def as_json(value: Any) -> bytes:
    """What ``json_encode`` prints: no spaces, everything beyond ASCII and every slash escaped."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


def as_xml(value: Any) -> bytes:
    """The answer in Moodle's own XML: what a client gets that did not ask for JSON.

    Optional keys that are absent are printed by Moodle as null; here they are left out.
    """
    body = "" if value is None else _element(value)
    return f'<?xml version="1.0" encoding="UTF-8" ?>\n<RESPONSE>\n{body}</RESPONSE>\n'.encode()


def error_as_xml(error: Mapping[str, str]) -> bytes:
    """An error in Moodle's own XML."""
    return (
        '<?xml version="1.0" encoding="UTF-8" ?>\n'
        f'<EXCEPTION class="{escape(error["exception"])}">\n'
        f"<ERRORCODE>{escape(error['errorcode'])}</ERRORCODE>\n"
        f"<MESSAGE>{escape(error['message'], quote=False)}</MESSAGE>\n"
        "</EXCEPTION>\n"
    ).encode()


def _element(value: Any) -> str:
    if isinstance(value, Mapping):
        keys = (f'<KEY name="{escape(k)}">{_element(v)}</KEY>\n' for k, v in value.items())
        return f"<SINGLE>\n{''.join(keys)}</SINGLE>\n"
    if isinstance(value, list):
        return f"<MULTIPLE>\n{''.join(map(_element, value))}</MULTIPLE>\n"
    if value is None:
        return '<VALUE null="null"/>\n'
    text = str(int(value)) if isinstance(value, bool) else str(value)
    return f"<VALUE>{escape(text, quote=False)}</VALUE>\n"
