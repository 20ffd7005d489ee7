"""How many of something, in English words: for command lines, mails and logs that people read."""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 completion", "1,204 completions"; ``many`` where it adds no s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
