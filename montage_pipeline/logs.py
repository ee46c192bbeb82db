"""Structured logs: context first (request, user, run, asset), then the message; secrets never."""
