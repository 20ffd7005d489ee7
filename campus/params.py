"""How Moodle checks the parameters of a web service function: all there, none too many, typed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from campus.errors import refuse

Scalar: TypeAlias = Callable[[str], Any]
#: A scalar; a list of one kind; a structure by name; any of these optional.
Spec: TypeAlias = "Scalar | list[Spec] | dict[str, Spec] | Optional"


@dataclass(frozen=True, slots=True)
class Optional:
    """A parameter that may be left out, and what then stands in its place."""

    spec: Spec
    default: Any = None


def flag(text: str) -> bool:
    """PARAM_BOOL as external_api::validate_parameters takes it from a form: 0 or 1."""
    return {"0": False, "1": True}[text]


def raw(text: str) -> str:
    """PARAM_RAW: anything, untouched."""
    return text


def check(spec: Spec, value: Any) -> Any:
    """Return the value converted; anything amiss is Moodle's ``invalidparameter``.

    Like Moodle (debugging off), the error does not say which parameter it was.
    """
    if isinstance(spec, Optional):
        return check(spec.spec, value)
    if isinstance(spec, list):
        return [check(spec[0], item) for item in _array(value).values()]
    if isinstance(spec, dict):
        return _structure(spec, _array(value))
    return _scalar(spec, value)


def _array(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise refuse("invalidparameter")
    return value


def _structure(spec: dict[str, Spec], value: dict[str, Any]) -> dict[str, Any]:
    if value.keys() - spec.keys():
        raise refuse("invalidparameter")
    return {key: _member(inner, value.get(key)) for key, inner in spec.items()}


def _member(spec: Spec, value: Any) -> Any:
    if value is not None:
        return check(spec, value)
    if isinstance(spec, Optional):
        return spec.default
    raise refuse("invalidparameter")


def _scalar(convert: Scalar, value: Any) -> Any:
    if not isinstance(value, str):
        raise refuse("invalidparameter")
    try:
        return convert(value)
    except (ValueError, KeyError):
        raise refuse("invalidparameter") from None
