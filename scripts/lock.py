"""Write requirements.lock: every package with its hashes, and no address of an index."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
HEADER = """\
# Every package with its hashes, made by `make lock` from pyproject.toml.
# Install with: python -m pip install --require-hashes -r requirements.lock
"""


def main() -> None:
    """Resolve in a throw-away environment, so that what is installed here decides nothing."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        made = Path(folder) / "lock.txt"
        _run(python, "-m", "pip", "install", "-q", "pip-tools")
        compile_ = ["-m", "piptools", "compile", "-q", "--extra", "dev", "--generate-hashes"]
        plain = ["--allow-unsafe", "--strip-extras", "--no-header", "--no-annotate"]
        silent = ["--no-emit-index-url", "--no-emit-trusted-host", "--no-emit-find-links"]
        _run(python, *compile_, *plain, *silent, "-o", str(made), "pyproject.toml")
        text = made.read_text(encoding="utf-8")
    if found := re.search(r"https?://", text):
        sys.exit(f"The lock would name an address ({found.group()}…): look at pip's configuration.")
    LOCK.write_text(HEADER + text, encoding="utf-8")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, cwd=ROOT)  # noqa: S603  # our own commands


if __name__ == "__main__":
    main()
