"""`ProbedClip`: a readable clip, before any frame of it is decoded."""

from dataclasses import dataclass

from montage_pipeline.footage.decoding.packets import (
    IndexedClip,
    PacketTable,
    read_packets,
    span_work,
)
from montage_pipeline.footage.model import ClipFacts, FetchedClip
from montage_pipeline.footage.probe import Probe, probe_with_notes
from montage_pipeline.spans import Span


@dataclass(frozen=True)
class ProbedClip:
    """A clip with its facts and its packets."""

    clip: FetchedClip
    probe: Probe
    packets: PacketTable

    @property
    def facts(self) -> ClipFacts:
        """What the container says of the clip."""
        return self.probe.facts

    @property
    def whole(self) -> Span:
        """All of the clip."""
        return Span(self.facts.start_s, self.facts.start_s + self.facts.duration_s)

    def work(self, span: Span) -> float:
        """What it costs to decode and measure a span, in megapixels."""
        return span_work(self.facts, self.packets, span)

    def indexed(self, decoder_threads: int) -> IndexedClip:
        """The clip as decoding takes it."""
        return IndexedClip(self.clip.path, self.facts, self.packets, decoder_threads)


def probe_clip(clip: FetchedClip) -> ProbedClip:
    """Read what the container tells. Raises as `probe_with_notes` and `read_packets`."""
    probe = probe_with_notes(clip)
    return ProbedClip(clip, probe, read_packets(clip.path, probe.facts))
