"""Two passes over the clips of a request, at a cost that does not grow with their length.

Short clips are measured whole. Of long or costly ones some keyframes are looked at first
(`keyframes`); from these each stretch gets a score (`stretches`), the work that may be spent is
shared out (`attention`), and the chosen stretches are measured closely (`measuring`).

Belongs here: how looking is shared among clips, threads and rounds.
Does not belong here: decoding and measuring (footage), judging what was measured (analysis).

Begin with `looking.look_at`.
"""

READING_MODULES = (
    "montage_pipeline.footage.measuring.measure",
    "montage_pipeline.footage.measuring.calm",
    "montage_pipeline.footage.rebuilding.copying",
    "montage_pipeline.footage.decoding.sample",
    "montage_pipeline.analysis.scan.keyframes",
)
"""What the processes that read clips load, while the first clip is still on its way."""
