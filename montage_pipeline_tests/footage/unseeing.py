"""Workers that look for nobody in frames, for `bare_footage`.

Belongs here: their life beside the workers of tests that do look. Does not belong here: what they
load so as to find nobody (nobody).
"""

import atexit
import os
from collections.abc import Sequence

from montage_pipeline.analysis.scan import READING_MODULES
from montage_pipeline.media.isolation.workers import Workers

_NOBODY = "montage_pipeline_tests.footage.nobody"


class _UnseeingWorkers(Workers):
    """Load `nobody` after all else."""

    def __init__(self) -> None:
        super().__init__()
        self._modules = (*READING_MODULES, _NOBODY)

    def warm_up(self, modules: Sequence[str]) -> None:
        """Start loading the modules, anew where less is loaded."""
        if not set(modules) <= set(self._modules):
            self.end()
        super().warm_up((*modules, _NOBODY))


UNSEEING = _UnseeingWorkers()
"""Those of this process. To load the libraries for each module again takes a second of CPU."""

atexit.register(UNSEEING.end)
os.register_at_fork(after_in_child=UNSEEING.forget)
