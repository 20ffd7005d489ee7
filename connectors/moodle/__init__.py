"""Moodle: completions by the plugin local_webhooks, the rest by Moodle's web service."""
