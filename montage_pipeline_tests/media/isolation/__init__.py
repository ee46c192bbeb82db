"""Tests of `media.isolation`: what a worker's end means, and what a worker has and has not."""
