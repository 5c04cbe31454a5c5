"""Risk: how likely a well-aligned model is to refuse a prompt, and what the prompt is about."""
