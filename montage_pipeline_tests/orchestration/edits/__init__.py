"""Further edits, changed ones, and what is used again for them."""
