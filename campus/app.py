"""The campus as a Flask application."""

from __future__ import annotations

from flask import Flask

from campus import control, pages, rest
from campus.moodle import Moodle
from campus.people import populate


def create_app(moodle: Moodle) -> Flask:
    """Return the application for one Moodle; an empty state is filled with its people first."""
    populate(moodle.state)
    app = Flask("campus")
    # 300 rows of write-back text are more than Flask's default of 500 kB.
    app.config.update(MAX_FORM_MEMORY_SIZE=50_000_000, MAX_FORM_PARTS=10_000)
    app.register_blueprint(rest.blueprint(moodle))
    app.register_blueprint(pages.blueprint(moodle))
    app.register_blueprint(control.blueprint(moodle))
    return app
