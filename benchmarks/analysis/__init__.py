"""Looking at long footage: what it costs, against PySceneDetect, and which shot changes it finds.

Begin with `__main__`. `footage` makes the clips and films, `looking` measures what looking at the
clips costs, `shot_changes` compares what was found in the films with what is there.
"""
