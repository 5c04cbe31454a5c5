"""The road of a request: admission, routing, relay."""
