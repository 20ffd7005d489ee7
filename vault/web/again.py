"""A view that reads a record and then its file: once more, where the file is gone in between."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from vault.files import DamagedFile

P = ParamSpec("P")
R = TypeVar("R")


def once_more(view: Callable[P, R]) -> Callable[P, R]:
    """Ask a view again whose file is gone: one that was erased meanwhile now says so."""

    @wraps(view)
    def asking(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return view(*args, **kwargs)
        except DamagedFile:
            return view(*args, **kwargs)

    return asking
