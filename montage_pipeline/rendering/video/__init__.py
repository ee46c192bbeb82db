"""The frames of one segment: which ones, cropped how, in which colours, encoded how.

Belongs here: seeking, picking frames, crops in stored pixels, colour conversion, captions as a
filter, the settings of the encoders, and the processes that encode.
Does not belong here: joining the segments (joining), sound (audio).

Begin with `segment_frames`, the filter chain of a segment; `chunks` encodes what comes out of it.
"""
