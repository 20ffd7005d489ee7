"""The API, in one process."""
