"""Faults: processes that die, networks that break, a vault that loses things; what is left then."""
