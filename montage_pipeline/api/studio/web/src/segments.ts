import type { Item } from "./api/client";

/** A segment of the Reel: which clip it shows, which part of it, and where it stands. */
export interface ShownSegment {
  clip: number;
  name: string;
  startSec: number;
  endSec: number;
  reelSec: number;
  lengthSec: number;
}

/** The segments of an item in the order of its Reel. */
export function segmentsOf(item: Item): ShownSegment[] {
  const shown = item.clips.flatMap((clip, index) =>
    clip.segments.map((segment) => ({ clip: index, name: clip.name, ...segment })),
  );
  shown.sort((one, other) => one.reelSec - other.reelSec);
  return shown.map((segment, index) => ({
    ...segment,
    lengthSec: Math.max(0, (shown[index + 1]?.reelSec ?? item.durationSec) - segment.reelSec),
  }));
}

/** The segment that is shown at a time of the Reel; -1 where none is. */
export function segmentAt(segments: ShownSegment[], timeSec: number): number {
  return segments.findLastIndex((segment) => segment.reelSec <= timeSec);
}
