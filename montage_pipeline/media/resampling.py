"""Sound brought to one rate, layout and sample format, also where a track changes its own on the
way.

Belongs here: following what each decoded frame says of itself; a container or the first frame does
not speak for the rest. Does not belong here: decoding, and where the sound belongs in time.
"""

from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from montage_pipeline.media.plausible import is_plausible_sound


class Resampling:
    """Turns decoded frames of any kind into frames of one kind.

    Where the kind of the frames changes, what the filter still holds of the former comes first,
    so that nothing is lost and everything keeps its pitch and its length.
    """

    def __init__(self, sample_format: str, layout: str, rate: int) -> None:
        """FFmpeg's names of the sample format and the layout; `rate` in samples per second."""
        self._wanted = sample_format, layout, rate
        self._kind: tuple[str, str, int] | None = None
        self._resampler: AudioResampler | None = None

    def add(self, frame: AudioFrame) -> list[AudioFrame]:
        """What the frame brings, perhaps nothing yet; nothing of one that claims an absurd rate."""
        if not is_plausible_sound(frame.sample_rate, frame.layout.nb_channels):
            return []  # what it brings would be memory, not sound
        kind = frame.format.name, frame.layout.name, frame.sample_rate
        before = self.rest() if kind != self._kind else []
        if self._resampler is None:
            sample_format, layout, rate = self._wanted
            self._resampler = AudioResampler(format=sample_format, layout=layout, rate=rate)
            self._kind = kind
        frame.pts = None  # frames are joined as they come; whoever needs their times has read them
        return [*before, *self._resampler.resample(frame)]

    def rest(self) -> list[AudioFrame]:
        """What the filter still holds; after this, frames of any kind may be added anew."""
        resampler, self._resampler, self._kind = self._resampler, None, None
        return [] if resampler is None else list(resampler.resample(None))
