"""What is known of the work on a request: which runs live, and which tries of its steps failed."""
