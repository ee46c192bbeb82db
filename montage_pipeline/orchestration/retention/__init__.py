"""What Dagster remembers is bounded: it keeps every run and every event for ever.

Begin with `history`. Rows of requests, Reels and the ledger are not Dagster's, and stay.

Belongs here: what is removed from Dagster's own storage by age. Does not belong here: partitions of
finished requests (`orchestration.retirement`), chunks (`rendering.video.chunks`).
"""
