"""`PlanContext`: what every stage of planning goes by, built once and never changed.

Belongs here: facts that follow from the request, the analysis and the music alone. Does not belong
here: anything a stage decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from montage_pipeline.analysis.model import ClipAnalysis, Moment
from montage_pipeline.analysis.scoring import camera_only
from montage_pipeline.editing.packing import CutRules
from montage_pipeline.editing.request import EditRequest
from montage_pipeline.editing.short_footage.offers import offered_stretches
from montage_pipeline.editing.short_footage.short_cuts import with_short_cuts
from montage_pipeline.editing.short_footage.slowing import shortest_on_beat
from montage_pipeline.editing.stretches import Stretch, usable_stretches
from montage_pipeline.footage.model import ClipFacts, Miniature
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.spans import Span
from montage_pipeline.styles import style_of
from montage_pipeline.styles.model import EditTaste


@dataclass(frozen=True)
class PlanContext:
    """A request with what is known about its clips and its music.

    `rules` are the cut lengths every Reel keeps to, in frames at `fps`; `shortest_on_beat` the
    frames of the shortest cut between beats of the music; `stretches` the footage that may be used
    at all.
    """

    request: EditRequest
    analysis: ClipAnalysis
    music: MusicTrack
    taste: EditTaste
    fps: Fraction
    rules: CutRules
    shortest_on_beat: int
    stretches: tuple[Stretch, ...]

    @classmethod
    def of(cls, request: EditRequest, analysis: ClipAnalysis, music: MusicTrack) -> "PlanContext":
        """The context of a request."""
        fps = request.fps.fraction
        rules = CutRules.at_rate(fps)
        # Whether there is enough footage is asked before there is any music.
        needed = shortest_on_beat(music.grid.beats_s if music else (), rules, fps)
        usable = usable_stretches(analysis, fps, (*request.left_out, *request.avoid))
        stretches = offered_stretches(usable, analysis, needed, fps)
        if request.short_cuts:
            stretches = with_short_cuts(stretches, rules.min_frames, fps)
        return cls(
            request=request,
            analysis=analysis,
            music=music,
            taste=style_of(request.style).edit,
            fps=fps,
            rules=rules,
            shortest_on_beat=needed,
            stretches=tuple(stretches),
        )

    @property
    def is_judged(self) -> bool:
        """Whether somebody judged what the moments mean; a measurement alone does not know."""
        return self.analysis.analyst.name != "local"

    @cached_property
    def camera_only(self) -> Mapping[str, float]:
        """How far nothing but the camera moves in each moment, by its id (see `scoring`)."""
        return camera_only(self.analysis)

    def seconds(self, frames: int) -> float:
        """The length of so many frames of the Reel."""
        return frames / float(self.fps)

    def facts(self, clip: int) -> ClipFacts:
        """The facts of a clip, by its number."""
        return self.analysis.clips[clip].facts

    def miniatures(self, clip: int, span: Span) -> tuple[Miniature, ...]:
        """What the analysis saw of a clip, by its number, within a span."""
        miniatures = self.analysis.clips[clip].miniatures
        return tuple(miniature for miniature in miniatures if span.holds(miniature.time_s))


def moments_by_id(analysis: ClipAnalysis) -> Mapping[str, Moment]:
    """Every moment of an analysis by its id."""
    return {moment.id: moment for clip in analysis.clips for moment in clip.moments}
