"""How Reels look: whether their segments belong together, and what enlarging does to them."""
