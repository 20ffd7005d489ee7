"""A tiny Flask application: `web.py PORT [WORKERS]` serves it."""

from __future__ import annotations

import os
import sys

from flask import Flask, Response, request

from runtime.serve import serve


def make() -> Flask:
    """The application under test."""
    app = Flask("tiny")

    @app.get("/pid")
    def pid() -> str:
        return str(os.getpid())

    @app.post("/echo")
    def echo() -> Response:
        return Response(request.get_data())

    return app


def fail() -> Flask:
    """An application that cannot be made."""
    raise RuntimeError("a setting is missing")


if __name__ == "__main__":
    port, workers, factory = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    serve(f"tests.runtime.programs.web:{factory}", host="127.0.0.1", port=port, workers=workers)
