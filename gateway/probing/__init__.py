"""Probe runs on a schedule: who runs which slot when, and what came of it."""
