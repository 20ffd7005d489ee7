"""Write the pictures of the console that the docs show: ten pages, on a laptop and on a phone.

A test makes them in a real browser (tests/bridge/console/test_pictures.py), so that they are as the
pages are.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "images"
TEST = "tests/bridge/console/test_pictures.py"
COLOURS = 128


def main() -> int:
    """Write all pictures; return the status of the test that makes them."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "-q", TEST]
        env = {**os.environ, "CONSOLE_PICTURES": folder}
        made = subprocess.run(command, cwd=ROOT, env=env, check=False)  # noqa: S603  # our own
        for path in sorted(Path(folder).glob("*.png")):
            with Image.open(path) as picture:
                few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
            few.save(FOLDER / f"console-{path.name}", "PNG", optimize=True)
    return made.returncode


if __name__ == "__main__":
    sys.exit(main())
