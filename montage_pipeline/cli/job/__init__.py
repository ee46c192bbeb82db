"""A Reel from the command line: what was ordered (`order`), and carrying it out (`local_job`)."""
