"""A proxy between bridge and vault that can keep the vault's answer to itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

PASSED_ON = ("authorization", "content-type", "accept")


class Proxy:
    """Passes every request on to ``upstream``."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        #: Set once the vault has answered an upload whose answer is kept back.
        self.answered = threading.Event()
        self._holding = threading.Event()
        self._release = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def keep_next_answer(self) -> None:
        """The vault will do what the next upload asks, and nobody will hear of it."""
        self.answered.clear()
        self._release.clear()
        self._holding.set()

    def let_go(self) -> None:
        """Give up the answer that was kept."""
        self._release.set()

    @contextmanager
    def running(self) -> Iterator[Proxy]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.let_go()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _keep(self, method: str) -> bool:
        if method != "POST" or not self._holding.is_set():
            return False
        self._holding.clear()
        self.answered.set()
        self._release.wait(60)
        return True

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {k: v for k, v in self.headers.items() if k.lower() in PASSED_ON}
                answer = httpx.request(
                    self.command,
                    proxy.upstream + self.path,
                    content=body,
                    headers=headers,
                    timeout=30,
                    trust_env=False,
                )
                if proxy._keep(self.command):
                    self.close_connection = True
                    return
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers.get("content-type", ""))
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            do_GET = do_POST = _pass  # noqa: N815  # the names http.server calls

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
