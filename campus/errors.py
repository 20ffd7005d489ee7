"""What Moodle answers when it refuses: exception class, error code and message, as captured.

Observed on Moodle 4.5.6. Errors travel under HTTP 200; a client tells them by ``errorcode``.
"""

from __future__ import annotations

_CORE = "core\\exception\\"

_DATABASE_DOWN = (
    "<p>Error: Database connection failed</p>\n<p>It is possible that the database is overloaded or"
    " otherwise not running properly.</p>\n<p>The site administrator should also check that the"
    " database details have been correctly specified in config.php</p>"
)
_NO_CONTEXT = (
    "You cannot execute functions in the course context (course id:{courseid}). The context error"
    " message was: Course or activity not accessible."
)
#: errorcode: exception class, message. ``{…}`` is filled in by `refuse`.
ERRORS: dict[str, tuple[str, str]] = {
    "invalidtoken": (f"{_CORE}moodle_exception", "Invalid token - token not found"),
    "invalidparameter": (f"{_CORE}invalid_parameter_exception", "Invalid parameter value detected"),
    "invalidrecord": (
        "dml_missing_record_exception",
        "Can't find data record in database table {table}.",
    ),
    "invaliduser": ("dml_missing_record_exception", "Invalid user"),
    "userdeleted": (f"{_CORE}moodle_exception", "error/userdeleted"),
    "usernotenroled": (f"{_CORE}moodle_exception", "User is not enrolled in this course"),
    "nocriteriaset": (f"{_CORE}moodle_exception", "No completion criteria set for this course"),
    "dmlwriteexception": ("dml_write_exception", "Error writing to database"),
    "accessexception": ("webservice_access_exception", "Access control exception"),
    "wsaccessusersuspended": (
        f"{_CORE}moodle_exception",
        "Refused web service access for suspended username: certbridge",
    ),
    "sitemaintenance": (
        f"{_CORE}moodle_exception",
        "The site is undergoing maintenance and is currently not available",
    ),
    "dbconnectionfailed": ("dml_connection_exception", _DATABASE_DOWN),
    "requireloginerror": (
        f"{_CORE}require_login_exception",
        "Course or activity not accessible.",
    ),
    "errorcoursecontextnotvalid": (f"{_CORE}moodle_exception", _NO_CONTEXT),
    "cannotviewreport": (f"{_CORE}moodle_exception", "You cannot view this report"),
    "errorreportview": (
        "core_reportbuilder\\exception\\report_access_exception",
        "You cannot view this report",
    ),
    "nopermissiontoviewgrades": (f"{_CORE}moodle_exception", "Cannot view grades."),
    "nopermissions": (
        f"{_CORE}required_capability_exception",
        "Sorry, but you do not currently have permissions to do that ({what}).",
    ),
}


class MoodleError(Exception):
    """A refusal on its way to the client."""

    def __init__(self, *, exception: str, errorcode: str, message: str) -> None:
        super().__init__(message)
        self.exception = exception
        self.errorcode = errorcode
        self.message = message

    def as_json(self) -> dict[str, str]:
        """The answer's body."""
        return {
            "exception": self.exception,
            "errorcode": self.errorcode,
            "message": self.message,
        }


def refuse(errorcode: str, **fields: object) -> MoodleError:
    """Return the error that Moodle raises under this code, its message filled in."""
    exception, message = ERRORS[errorcode]
    return MoodleError(exception=exception, errorcode=errorcode, message=message.format(**fields))
