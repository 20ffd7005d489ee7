"""What the demo shows while it works: a progress display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed
from rich.table import Table
from rich.text import Text

from campus.demo.rows import Row

#: The columns that are never cut, and how wide they are.
FIXED = {"State": len("generated"), "Reference id": len("VEC-IC-20260123456789ABC"), "Written": 7}
#: What the lines and spaces between five columns take.
FRAME = 16
#: Where nobody tells how wide the output is.
PLAIN_WIDTH = 120
STYLES = {"generated": "green", "held": "yellow"}


def console_for(file: TextIO) -> Console:
    """A console on this stream: as wide as the terminal, or wide enough for the table."""
    return Console(file=file, width=None if file.isatty() else PLAIN_WIDTH)


class Show:
    """The display; used as a context, and told of each step as it begins and moves on."""

    def __init__(self, console: Console) -> None:
        """Show on this console; only a terminal gets the moving display."""
        self.console = console
        # Without a refreshing thread: children are started from a process that has none.
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            Elapsed(),
            console=console,
            auto_refresh=False,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Show:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def step(self, text: str, *, total: int = 1) -> Step:
        """Begin a step of so many parts."""
        return Step(self, self._progress, text, total)

    def say(self, text: str) -> None:
        """Print a line above the display."""
        self.console.print(Text(text), soft_wrap=True)

    def tick(self) -> None:
        """Let the display move; called while something is waited for."""
        self._progress.refresh()


class Step:
    """One step of the demo, and how far it is."""

    def __init__(self, show: Show, progress: Progress, text: str, total: int) -> None:
        """Begin it."""
        self._show, self._progress, self._text, self._total = show, progress, text, total
        self._began, self._done = time.monotonic(), 0
        self._task = progress.add_task(text, total=total)
        if not show.console.is_terminal:
            show.say(f"… {text}")

    def at(self, done: int) -> None:
        """So many parts are done now; all of them end the step."""
        if done > self._done:
            self._done = done
            self._progress.update(self._task, completed=done)
            if done == self._total and not self._show.console.is_terminal:
                self._show.say(f"✓ {self._text} ({time.monotonic() - self._began:.1f} s)")
        self._progress.refresh()

    def done(self) -> None:
        """The step is done."""
        self.at(self._total)


def table(rows: Sequence[Row], *, width: int) -> Table:
    """Return the table that the demo ends in, so many columns wide; problems stand elsewhere."""
    made = Table(title="Certificates", title_justify="left", box=SIMPLE_HEAD)
    # On a narrow terminal long names and titles are cut, never a reference id.
    rest = width - sum(FIXED.values()) - FRAME
    made.add_column("Learner", width=min(rest * 3 // 5, 40), no_wrap=True, overflow="ellipsis")
    made.add_column("Course", width=min(rest * 2 // 5, 30), no_wrap=True, overflow="ellipsis")
    for heading, least in FIXED.items():
        made.add_column(heading, width=least)
    for row in rows:
        made.add_row(
            Text(row.learner),
            Text(row.course),
            Text(row.state, style=STYLES.get(row.state, "red")),
            Text(row.reference_id or "–"),
            Text("yes" if row.written_back else "no"),
        )
    return made


def remarks(rows: Sequence[Row]) -> list[str]:
    """Return a line for every row that has a problem to tell."""
    return [f"{row.learner}, {row.course}: {row.problem}" for row in rows if row.problem]
