"""What a segment says of its sound."""

from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline_tests.editing.footage import steady_clips, steady_music
from montage_pipeline_tests.editing.requests import edit_request


def test_speech_keeps_its_sound_and_the_rest_lies_low() -> None:
    clips = steady_clips(6, 30)
    timeline = plan_timeline(edit_request(40), clips, steady_music(120, 50))
    for segment in timeline.segments:
        # A cut may show two moments; the clear cases follow the one it is named for.
        speech = clips.moment(segment.moment).scores.speech
        if speech > 0.95:
            assert segment.clip_gain_db > -6
        if speech < 0.2:
            assert segment.clip_gain_db <= -12
    assert {segment.clip_gain_db > -6 for segment in timeline.segments} == {True, False}
