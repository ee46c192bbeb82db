"""What becomes of requests when runs end, die or hang."""
