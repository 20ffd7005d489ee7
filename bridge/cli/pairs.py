"""What ``--set NAME=VALUE`` says."""

from __future__ import annotations

import click


def pair(text: str) -> tuple[str, str]:
    """The name and the value. Raises click.UsageError."""
    name, found, value = text.partition("=")
    if not found:
        raise click.UsageError(f"--set {text}: write NAME=VALUE.")
    return name, value
