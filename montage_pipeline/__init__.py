"""Turn a person's raw clips into a finished Reel."""

__version__ = "0.1.0"
