"""A benchmark in, rates and decisions out: a run is an append-only file, not a table."""
