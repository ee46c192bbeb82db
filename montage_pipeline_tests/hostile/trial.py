"""One batch of files through fetching, analysis and rendering, with a verdict for each."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from montage_pipeline.analysis.local import LocalAnalyst
from montage_pipeline.analysis.model import AnalysedClip
from montage_pipeline.editing.timeline import MusicPlacement, Originality, Segment, Timeline
from montage_pipeline.errors import MontageError, PermanentError
from montage_pipeline.footage.fetching.fetch import ClipFetcher
from montage_pipeline.footage.model import FetchedClip, FrameRate
from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine
from montage_pipeline.rendering.render import render_checked
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.rendering.edits import HEIGHT, WIDTH, middle_crop

FPS = 25


class Verdict(NamedTuple):
    """What became of a file: "shown", "rejected" or "not shown", and why."""

    file: str
    outcome: str
    code: str = ""
    reason: str = ""


class Trial:
    """Tries files beside a good clip, which must be used whatever they do."""

    def __init__(self, folder: Path, good: Path, music: Path) -> None:
        self._folder = folder
        self._good = good
        self._music = music
        self._settings = Settings(local_files=True, home=folder)
        self.seconds: dict[str, float] = {"analysis": 0.0, "render": 0.0}

    def verdicts(self, files: Sequence[Path]) -> list[Verdict]:
        """A verdict for each file, in order."""
        verdicts: dict[str, Verdict] = {}
        with ClipFetcher(self._settings, None, self._folder / "cache") as fetcher:
            began_s = time.monotonic()
            clips = self._fetched(fetcher, files, verdicts)
            analysis = LocalAnalyst(self._settings).analyse(clips, "dynamic", 8.0)
            self.seconds["analysis"] += time.monotonic() - began_s

            names = {clip.url: Path(clip.url).name for clip in clips}
            assert any(names[clip.facts.url] == self._good.name for clip in analysis.clips)
            for left_out in analysis.rejected_clips:
                name = Path(left_out.url).name
                verdicts[name] = Verdict(name, "rejected", left_out.code, left_out.message)

            began_s = time.monotonic()
            used = [clip for clip in analysis.clips if clip.moments]
            for verdict in self._rendered(used, clips):
                verdicts[verdict.file] = verdict
            self.seconds["render"] += time.monotonic() - began_s
            for clip in analysis.clips:
                name = names[clip.facts.url]
                verdicts.setdefault(name, Verdict(name, "rejected", "no_moments", "no moment"))
        return [verdicts[file.name] for file in files]

    def _fetched(
        self, fetcher: ClipFetcher, files: Sequence[Path], verdicts: dict[str, Verdict]
    ) -> list[FetchedClip]:
        clips = []
        for file in (self._good, *files):
            try:
                clips.append(fetcher.fetch(str(file)))
            except PermanentError as error:
                verdicts[file.name] = Verdict(file.name, "rejected", error.code, error.message)
        return clips

    def _rendered(
        self, used: Sequence[AnalysedClip], clips: Sequence[FetchedClip]
    ) -> list[Verdict]:
        """All in one Reel; if that fails, each by itself, to tell whose fault it is."""
        names = [Path(clip.facts.url).name for clip in used]
        try:
            self._render(used, clips)
            return [Verdict(name, "shown") for name in names]
        except MontageError as error:
            if len(used) == 1:
                return [Verdict(names[0], "not shown", error.code, error.message)]
        return [verdict for clip in used for verdict in self._rendered([clip], clips)]

    def _render(self, used: Sequence[AnalysedClip], clips: Sequence[FetchedClip]) -> None:
        """Render a Reel of the first moment of each clip; its frames are held against what was
        analysed.
        """
        paths = {clip.url: clip.path for clip in clips}
        timeline = timeline_of(used)
        reel = self._folder / "reel"
        reel.mkdir(exist_ok=True)
        render_checked(
            timeline,
            {clip.facts.url: paths[clip.facts.url] for clip in used},
            self._music,
            reel,
            FfmpegEngine(self._settings, None),
            lambda _: None,
        )


def timeline_of(used: Sequence[AnalysedClip]) -> Timeline:
    """The first moment of each clip, one after the other."""
    segments = []
    for number, clip in enumerate(used):
        moment = clip.moments[0]
        frames = max(2, min(40, int((moment.end_s - moment.start_s) * FPS)))
        segments.append(
            Segment(
                clip_url=clip.facts.url,
                clip=number,
                moment=moment.id,
                source_in_s=moment.start_s,
                frames=frames,
                crop=middle_crop(clip.facts, WIDTH, HEIGHT),
                on_beat=True,
                role="body" if number else "hook",
                why="test",
                miniatures=tuple(
                    seen
                    for seen in clip.miniatures
                    if moment.start_s <= seen.time_s < moment.start_s + frames / FPS
                ),
            )
        )
    return Timeline(
        request_id="request",
        seed=1,
        style="dynamic",
        format=Format.REEL,
        width=WIDTH,
        height=HEIGHT,
        fps=FrameRate(num=FPS, den=1),
        total_frames=sum(segment.frames for segment in segments),
        asked_duration_s=10,
        clips=tuple(clip.facts for clip in used),
        segments=tuple(segments),
        music=MusicPlacement(key="music", source_in_s=0.0),
        originality=Originality(score=1.0),
    )
