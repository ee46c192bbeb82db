"""Has a process that loads it look for nobody in frames: `unseeing` has its workers load it.

Belongs here: what the fixture cannot reach from the test's own process. Does not belong here:
whether anybody is found (`measuring.test_objects`).
"""

import importlib

from montage_pipeline.footage.measuring.objects import FrameObjects

NOBODY = FrameObjects((), ())

# By its name: the function of this module has the same.
vars(importlib.import_module("montage_pipeline.footage.measuring.measure"))["objects_in"] = (
    lambda _: NOBODY
)
