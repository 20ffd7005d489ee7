"""The REST API: what the console does, for programs."""
