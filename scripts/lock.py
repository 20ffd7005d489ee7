"""Write requirements.lock: every package with its hashes, for every Python and system we run on.

In pip's own format, and without the address of an index: uv's and npm's lock files would name it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
OLDEST_PYTHON = "3.11"
HEADER = """\
# Every package with its hashes, made by `make lock` from pyproject.toml.
# Install with: python -m pip install --require-hashes -r requirements.lock
"""


def main() -> None:
    """Resolve with uv in a throw-away environment: what is installed here decides nothing."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        programs = Path(folder) / "bin"
        made = Path(folder) / "lock.txt"
        _run(str(programs / "python"), "-m", "pip", "install", "-q", "uv")
        resolve = ["pip", "compile", "-q", "--universal", "--python-version", OLDEST_PYTHON]
        plain = ["--generate-hashes", "--no-annotate", "--no-header", "--no-emit-index-url"]
        extra = ["--extra", "dev", "-o", str(made), "pyproject.toml"]
        _run(str(programs / "uv"), *resolve, *plain, *extra)
        text = made.read_text(encoding="utf-8")
    if found := re.search(r"https?://\S+", text):
        sys.exit(f"The lock would name an address ({found.group()}): look at uv's configuration.")
    LOCK.write_text(HEADER + text, encoding="utf-8")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, cwd=ROOT)  # noqa: S603  # our own commands


if __name__ == "__main__":
    main()
