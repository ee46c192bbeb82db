"""Chunks: a segment's frames, encoded on their own and kept for later renders.

A chunk begins with an IDR frame and depends on nothing outside it, so chunks are made side by side,
reused by the next render, and joined without being touched.

Belongs here: what a chunk is and what its address is made of, making one with FFmpeg or with
MoviePy, making all of a Reel's at once (crew), keeping them (store).
Does not belong here: what FFmpeg is told about frames (segment_frames) and encoders (encoding).

Begin with `model`.
"""
