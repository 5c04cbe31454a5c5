"""The control API behind /api: what was measured, read from the store.

Its parts are imported one by one: a probe runner needs the intake, and the routes bring FastAPI.
"""
