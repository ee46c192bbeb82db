"""Which moments of the clips are worth showing, and who judges it."""
