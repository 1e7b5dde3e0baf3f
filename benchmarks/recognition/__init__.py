"""Recognised and deferred revenue of many lines: time, memory, and what is kept of it."""
