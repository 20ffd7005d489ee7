"""The vault over HTTP: its API, its verification pages, its health."""
