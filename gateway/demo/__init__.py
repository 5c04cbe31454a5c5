"""The product doing its main job in front of a simulated model: what `make demo` runs."""
