"""The off-path copy of sampled exchanges: captured, queued, scored elsewhere, counted."""
