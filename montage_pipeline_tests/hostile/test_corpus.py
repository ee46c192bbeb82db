"""Mutated files through analysis and rendering: each used or rejected with a named reason, and no
frame shown that is not what was analysed.
"""

import sys
from collections import Counter
from pathlib import Path

import pytest

from montage_pipeline_tests.hostile.mutations import mutated
from montage_pipeline_tests.hostile.seeds import SEEDS, good_clip, made
from montage_pipeline_tests.hostile.trial import Trial, Verdict
from montage_pipeline_tests.rendering.edits import music_of

ROUNDS = 22
"""Each mutates every seed once: 308 files."""

_FEW = 4  # seeds of the quick round


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corpus")


@pytest.fixture(scope="module")
def trial(folder: Path) -> Trial:
    return Trial(folder, good_clip(folder), music_of(folder / "music.wav", 60))


@pytest.mark.parametrize(
    ("first_seed", "count"),
    [
        pytest.param(3, _FEW, id="few"),
        *(
            pytest.param(round_ * len(SEEDS), len(SEEDS), id=f"{round_}", marks=pytest.mark.slow)
            for round_ in range(ROUNDS)
        ),
    ],
)
def test_each_file_is_used_or_rejected_with_a_reason(
    folder: Path, trial: Trial, first_seed: int, count: int
) -> None:
    files = []
    for number, seed in enumerate(SEEDS[:count], first_seed):
        sound = folder / seed.name
        content = (sound if sound.is_file() else made(seed, folder)).read_bytes()
        change, content = mutated(content, number)
        files.append(folder / f"{number}-{change}-{seed.name}")
        files[-1].write_bytes(content)

    verdicts = trial.verdicts(files)
    sys.stdout.write(table(verdicts))
    assert len(verdicts) == count
    for verdict in verdicts:
        if verdict.outcome != "shown":
            assert verdict.code.startswith(("clip_", "bad_render", "render_failed", "no_moments"))
            assert verdict.reason


def table(verdicts: list[Verdict]) -> str:
    """The seed and verdict of each file, and the sums."""
    lines = [f"{v.file:<44} {v.outcome:<10} {v.code} {v.reason}"[:160] for v in verdicts]
    sums = Counter((verdict.outcome, str(verdict.code)) for verdict in verdicts)
    return "\n".join([*lines, str(dict(sums)), ""])
