"""The console, in one process."""
