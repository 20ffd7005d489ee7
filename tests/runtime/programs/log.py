"""Log in every way that code of ours or a library's does, with canaries in it."""

from __future__ import annotations

import logging
import sys
import threading
import warnings

import structlog

from runtime.logging import configure

log = structlog.get_logger()
configure("bridge", "web")

log.info("plain", delivery_id="d-1", count=3, ok=True, none=None, name="محمد")
log.info("by name", token="canary-1", email="canary-2", Authorization="canary-3")
log.info("deep", site={"secret": "canary-4", "rows": [{"Full_Name": "canary-5", "id": 7}]})
log.info("by looks", url="https://lms.example/rest?wstoken=canary-6&x=1", who="canary-7@x.org")
log.info("in a link", path="/c/canary-8/certificate.pdf")
try:
    raise ValueError("GET https://u:canary-9@lms.example/x?a=canary-10 for <canary-11@x.org>")
except ValueError:
    log.exception("failed")
log.info("an object", thing=ValueError("Bearer canary-12"))
logging.getLogger("rq.worker").error("job of %s\nfailed", "canary-13@x.org", extra={"a": object()})
logging.getLogger("httpx").info("HTTP Request: GET /?q=canary-14")
warnings.warn("canary-15@x.org is odd", stacklevel=1)
thread = threading.Thread(target=lambda: log.warning("in a thread"))
thread.start()
thread.join()
sys.stderr.flush()
