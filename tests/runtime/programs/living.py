"""Gives signs of life until it is told to stop: `living.py DATABASE_URL`."""

from __future__ import annotations

import signal
import sys
import threading
from datetime import timedelta

from runtime.database import Database
from runtime.heartbeat import beating
from tests.runtime.test_heartbeat import process

stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
with beating(Database(sys.argv[1]), process, "living", every=timedelta(milliseconds=20)):
    stop.wait()
