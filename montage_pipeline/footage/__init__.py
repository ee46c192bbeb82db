"""Clips as files: fetched safely, probed, decoded and measured.

Belongs here: everything that reads a clip's bytes, up to figures about its frames and sound.
Does not belong here: what these figures mean for a Reel (analysis), how a Reel's frames are made
(rendering), the FFmpeg program (media).

    fetching/   an untrusted address → a file of this machine, or ranges of a stored one
    container   opening a clip so that nothing in it can make us open another
    decoding/   packets → frames: where to enter, what is damaged, what a viewer sees
    probing/    one kind of fact each, put together by probe
    measuring/  frames and sound → figures: shots, sharpness, faces, movement, overlays …

Begin with `model` (what is known of a clip), then `probe.probe` and `measuring.measure.measure`.
"""
