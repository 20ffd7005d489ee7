"""Chaos: real processes are killed, paused and cut off while courses are completed; then counted.

``python -m tests.chaos``, or ``make chaos``. Never part of the wheel, nor of ``make test``.
"""
