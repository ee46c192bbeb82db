"""Which moments of the clips are worth showing, and why.

The way of a clip: two passes of looking (`scan`), cut into moments (`moments`), what is unusable
named (`faults`), the rest scored (`scoring`), footage that was handed in twice used once
(`duplicates`, `repeats`), and all of it written down as `ClipAnalysis` (`model`). `local` does that
by measurement alone; `claude` takes the result and asks a model about the best moments.

Belongs here: what is good, bad, the same or alike, and who judges it.
Does not belong here: measuring pixels and sound (footage), choosing cuts (editing).

Begin with `analyst.Analyst`, then `local.LocalAnalyst.analyse`.
"""
