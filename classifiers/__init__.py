"""A reply in, a verdict out: no server and no database live here."""
