"""``python -m campus.demo``: start everything, issue certificates, show them, end all it started.

The exit status is 0 if every certificate stands in the gradebook or is held for a stated reason,
1 if one does not, 2 if the demo could not be carried through.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from rich.console import Console

from campus.demo import show, story
from campus.demo.children import ENDING_SIGNALS, Failed

FIRST_PORT = 8000
#: How often it is looked whether all is still running, in seconds.
LOOK_S = 1.0


def main() -> int:
    """Run the demo as the command line says."""
    options = _parser().parse_args()
    for name in ENDING_SIGNALS:
        signal.signal(name, _end)
    # With --json nothing but the document goes to standard output.
    console = show.console_for(sys.stderr if options.json else sys.stdout)
    with _folder(keep=options.keep, console=console) as folder, contextlib.ExitStack() as stack:
        try:
            return _demo(options, console, folder, stack)
        except Failed as error:
            console.print(f"The demo failed: {error}", style="red", markup=False)
            return 2
        finally:
            _ignore_signals()


def _demo(
    options: argparse.Namespace, console: Console, folder: Path, stack: contextlib.ExitStack
) -> int:
    with show.Show(console) as display:
        running = story.start(
            display,
            stack,
            program=options.vaultbridge,
            folder=folder,
            first_port=options.port,
        )
        ending = story.play(display, running, within=options.within)
    console.print(show.table(ending.rows, width=console.width))
    for line in show.remarks(ending.rows):
        console.print(line, markup=False, soft_wrap=True)
    if options.json:
        document = json.dumps([row.as_json() for row in ending.rows], ensure_ascii=False, indent=1)
        sys.stdout.buffer.write(document.encode() + b"\n")
        sys.stdout.flush()
    if not options.exit:
        _stay(console, running, ending)
    return 0 if ending.good else 1


def _stay(console: Console, running: story.Running, ending: story.Ending) -> None:
    console.print("\nOpen in a browser:")
    console_page = {"Console, as its first admin": running.bridge.first_admin()}
    for name, address in {**ending.addresses, **console_page}.items():
        console.print(f"  {name}: {address}", markup=False, soft_wrap=True)
    with contextlib.suppress(_Ended):
        console.print("\nCtrl-C ends everything.")
        while True:
            for child in running.children:
                child.require_alive()
            time.sleep(LOOK_S)


class _Ended(SystemExit):
    """A signal has asked for the end."""


def _end(number: int, _frame: FrameType | None) -> None:
    raise _Ended(128 + number)


def _ignore_signals() -> None:
    # A second Ctrl-C must not leave behind what the first one is just ending.
    for name in ENDING_SIGNALS:
        signal.signal(name, signal.SIG_IGN)


@contextlib.contextmanager
def _folder(*, keep: bool, console: Console) -> Iterator[Path]:
    parent = Path("var")
    parent.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="demo-", dir=parent)).resolve()
    try:
        yield folder
    finally:
        if keep:
            console.print(f"Everything it kept lies in {folder}", markup=False, soft_wrap=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m campus.demo",
        description="Start vault, bridge and campus, and follow certificates into the gradebook.",
    )
    parser.add_argument("--exit", action="store_true", help="end after the table")
    parser.add_argument("--json", action="store_true", help="print the table as one JSON document")
    parser.add_argument("--port", type=int, default=FIRST_PORT, help="the first port to try")
    parser.add_argument("--keep", action="store_true", help="keep the data folder under var/")
    parser.add_argument(
        "--within",
        type=float,
        default=story.CERTIFICATES_S,
        help="how many seconds the certificates may take",
    )
    parser.add_argument(
        "--vaultbridge",
        type=Path,
        default=Path(sys.executable).with_name("vaultbridge"),
        help="the bridge's program",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
