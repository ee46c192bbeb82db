"""What becomes of each clip of a request: shown, left out, planned around."""
