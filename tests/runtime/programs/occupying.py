"""Occupies an installation's folder until it is ended."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from runtime.embedded import occupy

occupy(Path(sys.argv[1]))
sys.stdout.write("occupied\n")
sys.stdout.flush()
signal.pause()
