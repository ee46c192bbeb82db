"""What looking at long footage costs, against PySceneDetect on the same clips, and whether its
changes of shot agree with a full-rate pass.

    python -m benchmarks.analysis [--footage FOLDER] [--duration 30] [--b-frames] [--write]

Ten clips of a minute of 4K HEVC are looped without encoding from pieces made of the demo's clips,
which are kept for the next time.
"""

import argparse
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from benchmarks import report
from benchmarks.measuring import Peak, Usage, in_new_process, timed
from montage_pipeline.analysis.local import LocalAnalyst
from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.footage.decoding.packets import read_packets
from montage_pipeline.footage.measuring.calm import calm_parts
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.measuring.measures import ClipMeasures
from montage_pipeline.footage.measuring.shots import Span
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.footage.probe import probe
from montage_pipeline.local.footage import demo_clips
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.settings import Settings

CLIPS, CLIP_S = 10, 60
# of each clip that PySceneDetect is given; its time grows with the footage's length, so the rest is
# reckoned
REFERENCE_S = 6
LIMIT_S, LIMIT_SHARE, LIMIT_MB, LIMIT_F1 = 30.0, 0.2, 1000.0, 0.95
_TOLERANCE_FRAMES, _MARGIN_S = 2, 0.3
_STRETCH_S, _EVERY_S = 3.0, 4.0
_FILM = (
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-crf",
    "21",
    "-g",
    "50",
    "-sc_threshold",
    "0",
    "-pix_fmt",
    "yuv420p",
)
_SCENE_FRAMES = 46
_FPS, _LOOP_FRAMES, _GOP = 30, 48, 30
_WIDE = "0.9*min(iw\\,ih*16/9)"
_VIEWS = (
    (0, 66),
    (1, 138),
    (0, 0),
)  # which of the demo's clips, from which frame: shots that last long enough
_TURNS = (
    "null",
    "hflip",
    "vflip",
    "hflip,vflip",
)  # together with the views, no clip shows what another does
_ENCODER = (
    "-c:v", "libx265", "-preset", "ultrafast", "-b:v", "25M", "-tag:v", "hvc1", "-x265-params",
    f"keyint={_GOP}:min-keyint={_GOP}:open-gop=0:log-level=error",
)  # fmt: skip


def long_clips(folder: Path, kept: Path, b_frames: bool) -> list[Path]:
    """CLIPS files of CLIP_S seconds with the sound of the demo: one shot each, in which a second
    and a half go forth and back.
    """
    pictures = demo_clips()
    made = []
    for number in range(CLIPS):
        which, first = _VIEWS[number % len(_VIEWS)]
        loop = kept / f"forth-and-back-{number}{'-b' if b_frames else ''}.mp4"
        if not loop.is_file():
            print(f"making {loop}", flush=True)
            chain = (
                f"trim=start_frame={first},setpts=N/{_FPS}/TB,fps={_FPS},crop={_WIDE}:{_WIDE}*9/16:(iw-ow)*n/{_LOOP_FRAMES}:(ih-oh)/2,"
                f"{_TURNS[number // len(_VIEWS)]},trim=end_frame={_LOOP_FRAMES},split[forth][way];[way]reverse[back];"
                "[forth][back]concat,scale=3840:2160:flags=bicubic,setsar=1,noise=alls=4:allf=t,format=yuv420p"
            )
            draft = kept / f".{loop.name}"
            coded = [*_ENCODER[:-1], _ENCODER[-1] + f":bframes={3 if b_frames else 0}"]
            looped = ["-stream_loop", "-1", "-i", str(pictures[which])]
            run_ffmpeg(
                [
                    "-y",
                    "-loglevel",
                    "error",
                    *looped,
                    "-vf",
                    chain,
                    *coded,
                    "-an",
                    "-frames:v",
                    str(2 * _LOOP_FRAMES),
                    str(draft),
                ]
            )
            draft.replace(loop)
        path = folder / f"long{number}{'b' if b_frames else ''}.mp4"
        inputs = [
            word for part in (loop, pictures[0]) for word in ("-stream_loop", "-1", "-i", str(part))
        ]
        copied = ["-map", "0:v", "-map", "1:a", "-t", str(CLIP_S), "-c", "copy", "-tag:v", "hvc1"]
        run_ffmpeg(["-y", "-loglevel", "error", *inputs, *copied, str(path)])
        made.append(path)
    return made


def fetched(path: Path) -> FetchedClip:
    return FetchedClip(
        url=path.as_uri(),
        path=path,
        sha256=path.name.encode().hex().ljust(64, "0")[:64],
        bytes=path.stat().st_size,
    )


def analysed(paths: Sequence[Path], duration_s: float) -> tuple[Usage, ClipAnalysis]:
    with timed() as usage:
        analysis = LocalAnalyst(Settings()).analyse(
            [fetched(path) for path in paths], "dynamic", duration_s
        )
    return usage, analysis


def detected(paths: Sequence[Path]) -> Usage:
    """PySceneDetect's adaptive detector as its documentation has it, two clips at a time."""
    from scenedetect import AdaptiveDetector, detect  # type: ignore[import-untyped]

    with timed() as usage, ThreadPoolExecutor(2) as pool:
        list(
            pool.map(
                lambda path: detect(str(path), AdaptiveDetector(), end_time=float(REFERENCE_S)),
                paths,
            )
        )
    return usage


class Film(NamedTuple):
    """A file and where its changes of shot are, each from one time to another (s);

    None where only a full-rate pass tells.
    """

    path: Path
    changes: tuple[Span, ...] | None


def films(folder: Path) -> list[Film]:
    """The demo's clips with their real cuts; generated cuts, fades and flashes over their pictures;
    and cuts as large as phones film.
    """
    pictures = demo_clips()
    # Clip, from when on, how it is turned: pieces of 1.9 seconds without a cut of their own.
    scenes = [
        (which, at_s, turn)
        for turn in _TURNS
        for which, at_s in ((0, 0.0), (1, 3.2), (2, 1.0), (1, 5.5), (0, 2.7), (1, 7.5))
    ][:16]
    made = [Film(path, None) for path in pictures]
    lengths = [1.2 + 0.08 * (place * 7 % 9) for place in range(len(scenes))]
    for name, size, count in (("cuts", "640x360", len(scenes)), ("large-cuts", "3840x2160", 5)):
        made.append(
            _film(
                folder / f"{name}.mp4",
                pictures,
                scenes[:count],
                [round(length * 25) / 25 for length in lengths],
                size,
            )
        )
    for name, mix in (("dissolves", "fade"), ("dips", "fadeblack")):
        made.append(
            _film(
                folder / f"{name}.mp4",
                pictures,
                scenes,
                [3.6 - 0.04 * (place % 9) for place in range(16)],
                "640x360",
                mix,
            )
        )
    flashes = folder / "flashes.mp4"
    flash = "fps=25,eq=brightness='if(lt(mod(n,40),2),0.5,0)':eval=frame,format=yuv420p"
    run_ffmpeg(
        [
            "-y",
            "-loglevel",
            "error",
            "-i",
            str(pictures[0]),
            "-vf",
            flash,
            *_FILM,
            "-an",
            str(flashes),
        ]
    )
    return [*made, Film(flashes, ())]


def _film(
    path: Path,
    pictures: Sequence[Path],
    scenes: Sequence[tuple[int, float, str]],
    lengths: Sequence[float],
    size: str,
    mix: str = "",
) -> Film:
    """Scenes of the given lengths (s) back to back, or mixed into each other over 0.4 to 0.7 s; no
    key frame gives a change away.

    Longer ones than there are go forth and back.
    """
    inputs: list[str] = []
    chains: list[str] = []
    for place, ((which, at_s, turn), length_s) in enumerate(zip(scenes, lengths, strict=False)):
        inputs += ["-ss", str(at_s), "-t", str(length_s + 0.08), "-i", str(pictures[which])]
        frames = round(length_s * 25)
        look = f"{turn},scale={size.replace('x', ':')},setsar=1,format=yuv420p,settb=1/25"
        if frames > _SCENE_FRAMES:
            way = f"fps=25:start_time=0,trim=end_frame={_SCENE_FRAMES},split[a{place}][b{place}];[b{place}]reverse[c{place}];"
            chains.append(
                f"[{place}:v]{way}[a{place}][c{place}]concat,trim=end_frame={frames},{look}[v{place}]"
            )
        else:
            exact = f"fps=25:start_time=0,tpad=stop_mode=clone:stop=50,trim=end_frame={frames}"
            chains.append(f"[{place}:v]{exact},{look}[v{place}]")
    ends = list(accumulate(lengths[: len(scenes)]))[:-1]
    if mix:
        changes, joined, at = [], "v0", lengths[0]
        for place in range(1, len(scenes)):
            takes_s = (0.4, 0.6, 0.72)[place % 3]
            chains.append(
                f"[{joined}][v{place}]xfade=transition={mix}:duration={takes_s}:offset={at - takes_s:.2f}[x{place}]"
            )
            changes.append(Span(at - takes_s, at))
            joined, at = f"x{place}", at - takes_s + lengths[place]
    else:
        chains.append(
            "".join(f"[v{place}]" for place in range(len(scenes)))
            + f"concat=n={len(scenes)}:v=1[cut]"
        )
        changes, joined = [Span(end_s, end_s) for end_s in ends], "cut"
    large = (
        [*_ENCODER[:-1], _ENCODER[-1] + ":bframes=3:scenecut=0"] if size == "3840x2160" else _FILM
    )
    run_ffmpeg(
        [
            "-y",
            "-loglevel",
            "error",
            *inputs,
            "-filter_complex",
            ";".join(chains),
            "-map",
            f"[{joined}]",
            *large,
            "-an",
            str(path),
        ]
    )
    return Film(path, tuple(changes))


class Agreement(NamedTuple):
    """Changes of shot found in stretches, those that are there, and those found within the
    tolerance of one that is there.
    """

    found: int
    true: int
    both: int

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where there is nothing to find and nothing is
        found.
        """
        return 2 * self.both / (self.found + self.true) if self.found + self.true else 1.0

    def __add__(self, other: "Agreement") -> "Agreement":  # type: ignore[override]
        return Agreement(self.found + other.found, self.true + other.true, self.both + other.both)


def agreement(film: Film) -> Agreement:
    """Look at stretches as the analyst does at long footage, and compare with what was built in, or
    else with a full-rate pass.
    """
    facts = probe(fetched(film.path))
    count = max(1, int((facts.duration_s - _STRETCH_S) // _EVERY_S) + 1)
    spans = [
        Span(facts.start_s + place * _EVERY_S, facts.start_s + place * _EVERY_S + _STRETCH_S)
        for place in range(count)
    ]
    table = read_packets(film.path, facts)
    # The cheapest way to look, which is taken where footage is long and costly.
    part = measure(film.path, facts, spans, table, calm_parts(film.path, facts, table, spans))
    frame_s = 1 / float(facts.fps.fraction)
    slack_s = (_TOLERANCE_FRAMES + 0.5) * frame_s
    there = (
        film.changes
        if film.changes is not None
        else tuple(Span(at_s, at_s) for at_s in _changes(measure(film.path, facts)))
    )
    total = Agreement(0, 0, 0)
    for window in part.looked_at:
        # What is left of a shot at the ends of a stretch may be too short to be one.
        inner = Span(window.start_s + _MARGIN_S, window.end_s - _MARGIN_S)
        ours = [at_s for at_s in _changes(part) if inner.start_s < at_s < inner.end_s]
        theirs = [
            change
            for change in there
            if inner.start_s < change.start_s and change.end_s < inner.end_s
        ]
        # A fade that runs into the stretch's end may be found or not.
        ours = [
            at_s
            for at_s in ours
            if not any(_near(at_s, change, slack_s) for change in there if change not in theirs)
        ]
        left, both = list(theirs), 0
        for at_s in ours:
            match = next((change for change in left if _near(at_s, change, slack_s)), None)
            if match is not None:
                left.remove(match)
                both += 1
        total += Agreement(len(ours), len(theirs), both)
    return total


def _near(at_s: float, change: Span, slack_s: float) -> bool:
    return change.start_s - slack_s <= at_s <= change.end_s + slack_s


def _changes(measures: ClipMeasures) -> list[float]:
    return [
        shot.start_s
        for shot in measures.shots
        if all(abs(shot.start_s - seen.start_s) > 1e-6 for seen in measures.looked_at)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--footage", type=Path, default=Path(tempfile.gettempdir()) / "montage-bench-footage"
    )
    parser.add_argument("--duration", type=int, default=30)
    parser.add_argument(
        "--b-frames", action="store_true", help="also look at clips with B-frames, which cost less"
    )
    parser.add_argument(
        "--write", action="store_true", help="put the table into docs/benchmarks.md"
    )
    arguments = parser.parse_args()
    arguments.footage.mkdir(parents=True, exist_ok=True)
    texts = []
    with tempfile.TemporaryDirectory(prefix="montage-bench-", dir=arguments.footage) as name:
        folder = Path(name)
        changes = {
            film.path.stem: (agreement(film), film.changes is not None) for film in films(folder)
        }
        for b_frames in (False, True) if arguments.b_frames else (False,):
            clips = long_clips(folder, arguments.footage, b_frames)
            (usage, analysis), peak = in_new_process(analysed, clips, arguments.duration)
            reference, _ = in_new_process(detected, clips)
            texts.append(looking_table(usage, peak, reference, analysis, b_frames))
            for clip in clips:
                clip.unlink()
    text = (
        f"{CLIPS} clips of {CLIP_S} s, 3840x2160 HEVC, 25 Mbit/s, {_FPS} fps, for a Reel of {arguments.duration} s; {report.machine()}.\n\n"
        + "\n".join(texts)
        + "\n"
        + changes_table(changes)
    )
    print(text)
    if arguments.write:
        report.write("analysis", text)


def looking_table(
    usage: Usage, peak: Peak, reference: Usage, analysis: ClipAnalysis, b_frames: bool
) -> str:
    """The figures beside their limits."""
    scale = CLIP_S / REFERENCE_S
    seen_s = sum(shot.end_s - shot.start_s for clip in analysis.clips for shot in clip.shots)
    good_s = sum(
        moment.duration_s
        for clip in analysis.clips
        for moment in clip.moments
        if not moment.rejects
    )
    rows = [
        ["wall seconds", f"{usage.wall_s:.1f}", f"{LIMIT_S:.0f}"],
        ["processor seconds", f"{usage.cpu_s:.1f}", ""],
        ["most memory, MB (RSS)", f"{peak.rss_mb:.0f}", f"{LIMIT_MB:.0f}"],
        [
            f"PySceneDetect, wall seconds ({REFERENCE_S} s of each clip, times {scale:.0f})",
            f"{reference.wall_s * scale:.1f}",
            "",
        ],
        [
            "share of PySceneDetect's wall seconds",
            f"{usage.wall_s / (reference.wall_s * scale):.3f}",
            f"{LIMIT_SHARE}",
        ],
        [
            "share of PySceneDetect's processor seconds",
            f"{usage.cpu_s / (reference.cpu_s * scale):.3f}",
            f"{LIMIT_SHARE}",
        ],
        ["seconds looked at closely", f"{seen_s:.1f}", ""],
        ["of them usable", f"{good_s:.1f}", ""],
    ]
    return report.table(
        (f"{'with' if b_frames else 'without'} B-frames", "measured", "limit"), rows
    )


def changes_table(changes: dict[str, tuple[Agreement, bool]]) -> str:
    """What was found in each film, and the limit for all of them together."""
    rows = [
        [
            name,
            "built in" if known else "a full-rate pass",
            str(one.true),
            str(one.found),
            str(one.both),
            f"{one.f1:.3f}",
        ]
        for name, (one, known) in changes.items()
    ]
    total = sum((one for one, _ in changes.values()), Agreement(0, 0, 0))
    rows.append(
        [
            "all",
            "",
            str(total.true),
            str(total.found),
            str(total.both),
            f"{total.f1:.3f} (limit {LIMIT_F1})",
        ]
    )
    head = (
        "film",
        "compared with",
        "changes of shot",
        "found",
        f"right, within {_TOLERANCE_FRAMES} frames",
        "F1",
    )
    return report.table(head, rows)


if __name__ == "__main__":
    main()
