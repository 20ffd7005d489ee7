"""What somebody can mend: the command line tells it in a sentence, without a trace."""

from __future__ import annotations


class Mendable(Exception):
    """It is not done, or cannot be; the text says why, and the next move."""
