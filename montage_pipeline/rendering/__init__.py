"""A timeline becomes a finished, checked MP4 with its poster.

Belongs here: decoding the segments, drawing captions, encoding, mixing and mastering the sound,
joining both, and checking the finished file.
Does not belong here: deciding what is shown when (editing), laying out text (captions), storing and
delivering the file (orchestration, storage).

Begin with `render` (the whole order of work in thirty lines), then `assembly`, which every engine
shares. `ffmpeg_engine` is the file to copy for another engine. `video` makes the frames of one
segment, `video/chunks` encodes them, `audio` makes the sound, `check` holds the rules of a Reel.
"""
