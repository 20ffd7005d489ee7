"""A group of keys in a mapping document: how it becomes a dataclass, or tells its unknown keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import marshmallow as ma

from mappings.mistakes import Fault, did_you_mean


class Block(ma.Schema):
    """A group of keys that becomes one dataclass; an unknown key is told with its nearest."""

    made: ClassVar[Callable[..., Any]]
    #: The one key that may stand for the group: ``write_back: none``.
    short: ClassVar[str | None] = None

    @ma.pre_load
    def _spelled_out(self, data: Any, **_: Any) -> Any:
        return {self.short: data} if self.short and isinstance(data, str) else data

    @ma.post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Any:
        return type(self).made(**data)

    def handle_error(self, error: ma.ValidationError, data: Any, **_: Any) -> None:
        """Say of each unknown key what would be known."""
        if not isinstance(error.messages, dict) or (self.short and isinstance(data, str)):
            return
        if not isinstance(data, Mapping):
            error.messages = [Fault(problem="must be a group of keys, each on a line of its own")]
            return
        known = {f.data_key or name: f for name, f in self.fields.items()}
        for key in data:
            if key not in known:
                problem = (
                    f"is not a known key{did_you_mean(key, known)}; allowed: {', '.join(known)}"
                )
                error.messages[key] = [Fault(problem=problem, on_key=True)]
