"""The FFmpeg program, and what is measured with it in any file.

Belongs here: running FFmpeg, and loudness, which footage, music and rendering all need. Does not
belong here: reading clips (footage), encoding a Reel (rendering).

Begin with `ffmpeg.run_ffmpeg`.
"""
