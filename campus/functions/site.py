"""core_webservice_get_site_info: who asks, on which release, with which functions."""

from __future__ import annotations

from typing import Any

from campus.moodle import Moodle
from campus.people import SERVICE_USER

RELEASE, VERSION = "4.5.6 (Build: 20250811)", "2024100706"
PLUGIN_VERSION = "2024100700"
#: What the service offers, and the version of the part of Moodle it belongs to.
OFFERED = {
    "core_webservice_get_site_info": VERSION,
    "core_user_get_users_by_field": VERSION,
    "core_course_get_courses_by_field": VERSION,
    "core_course_get_contents": VERSION,
    "core_course_import_course": VERSION,
    "core_enrol_get_enrolled_users": VERSION,
    "core_completion_get_course_completion_status": VERSION,
    "gradereport_user_get_grade_items": PLUGIN_VERSION,
    "gradereport_overview_get_course_grades": PLUGIN_VERSION,
    "mod_assign_get_assignments": PLUGIN_VERSION,
    "mod_assign_get_grades": PLUGIN_VERSION,
    "mod_assign_save_grade": PLUGIN_VERSION,
    "mod_assign_save_grades": PLUGIN_VERSION,
    "mod_customcert_list_issues": "2024042219",
}


def get_site_info(moodle: Moodle, _params: dict[str, Any]) -> dict[str, Any]:
    """Describe the site and the service; needs no right but the token."""
    return {
        "sitename": "Campus",
        "username": "certbridge",
        "firstname": "Certificate",
        "lastname": "Bridge",
        "fullname": "Certificate Bridge",
        "lang": "en",
        "userid": SERVICE_USER,
        "siteurl": moodle.settings.wwwroot,
        "userpictureurl": f"{moodle.settings.wwwroot}/theme/image.php/boost/core/1/u/f1",
        "functions": _functions(moodle),
        "downloadfiles": 1,
        "uploadfiles": 1,
        "release": RELEASE,
        "version": VERSION,
        "mobilecssurl": "",
        "advancedfeatures": [{"name": "enablecompletion", "value": 1}],
        "usercanmanageownfiles": True,
        "userquota": 104857600,
        "usermaxuploadfilesize": 2097152,
        "userhomepage": 1,
        "userprivateaccesskey": "campus",
        "siteid": 1,
        "sitecalendartype": "gregorian",
        "usercalendartype": "gregorian",
        "userissiteadmin": False,
        "theme": "boost",
        "limitconcurrentlogins": 0,
        "policyagreed": 0,
    }


def _functions(moodle: Moodle) -> list[dict[str, str]]:
    return [
        {"name": name, "version": version}
        for name, version in OFFERED.items()
        if name not in moodle.switches.functions_off
    ]
