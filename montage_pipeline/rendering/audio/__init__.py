"""The sound of a Reel: read, mixed, ducked, brought to the target loudness, encoded.

Belongs here: everything between the audio tracks of clips and music and one AAC file.
Does not belong here: choosing or composing music (music), measuring files with FFmpeg (media).

Begin with `mix`, then `master`. `levels` and `limiter` are arithmetic on samples and know no files.
"""
