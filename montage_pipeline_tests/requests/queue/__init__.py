"""The queue of requests."""
