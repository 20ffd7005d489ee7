"""Quill, an LMS made up to show how a connector is written."""
