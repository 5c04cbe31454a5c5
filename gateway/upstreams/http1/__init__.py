"""The hot path's own HTTP/1.1 client: one origin, pooled connections, bytes by plain calls."""
