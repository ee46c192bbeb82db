/** The list of changes that a person makes before they are carried out. */

import type { Change, ChangeOutcome, Edit, Segment } from "./api/client";

/** What is shown at a place of the strip, with changes that are not carried out yet. */
export interface Shown {
  segment: Segment;
  place: number;
  thumbnailUrl: string | null;
  name: string;
  clip: number;
  moment: string;
  frames: number;
  startSec: number;
  endSec: number;
  reelSec: number;
  locked: boolean;
  muted: boolean;
  rendered: string;
  trim: Segment["trim"];
}

export function shownOf(
  edit: Edit,
  changes: readonly Change[],
  outcome: ChangeOutcome | undefined,
): Shown[] {
  if (!outcome) return edit.segments.map((segment) => asItIs(edit, segment));
  return outcome.segments.map((part) => {
    const segment = edit.segments[part.was]!;
    return {
      segment,
      place: part.number,
      thumbnailUrl: part.isNew ? thumbnailOf(edit, changes, segment, part.moment) : segment.thumbnailUrl,
      name: edit.clips[part.clip]?.name ?? "",
      clip: part.clip,
      moment: part.moment,
      frames: part.frames,
      startSec: part.startSec,
      endSec: part.endSec,
      reelSec: part.reelSec,
      locked: part.locked,
      muted: part.muted,
      rendered: part.whyRendered,
      trim: part.trim,
    };
  });
}

function asItIs(edit: Edit, segment: Segment): Shown {
  return {
    segment,
    place: segment.number,
    thumbnailUrl: segment.thumbnailUrl,
    name: edit.clips[segment.clip]?.name ?? "",
    clip: segment.clip,
    moment: segment.moment,
    frames: segment.frames,
    startSec: segment.startSec,
    endSec: segment.endSec,
    reelSec: segment.reelSec,
    locked: segment.locked,
    muted: segment.muted,
    rendered: "",
    trim: segment.trim,
  };
}

/** A frame of what takes a segment's place: its own where it only shows more or less of itself. */
function thumbnailOf(
  edit: Edit,
  changes: readonly Change[],
  segment: Segment,
  moment: string,
): string | null {
  const chosen = changes.findLast(
    (change) => change.kind === "replace" && change.segment === segment.number,
  );
  const offered = edit.segments.flatMap((other) => other.alternatives);
  const found =
    (chosen?.kind === "replace" && offered.find((one) => one.id === chosen.alternative)) ||
    (moment !== segment.moment && offered.find((one) => one.moment === moment));
  return found ? found.thumbnailUrl : segment.thumbnailUrl;
}

/** The list with one more change; what is moved again and again by frames or pixels stays one. */
export function withChange(changes: readonly Change[], change: Change): Change[] {
  if (change.kind === "music") {
    return [...changes.filter((one) => one.kind !== "music"), change];
  }
  const last = changes.at(-1);
  const before = changes.slice(0, -1);
  if (last?.kind === "slip" && change.kind === "slip" && last.segment === change.segment) {
    const frames = last.frames + change.frames;
    return frames ? [...before, { ...last, frames }] : before;
  }
  if (
    last?.kind === "trim" &&
    change.kind === "trim" &&
    change.offBeat &&
    last.offBeat &&
    last.segment === change.segment &&
    last.edge === change.edge
  ) {
    const frames = last.frames + change.frames;
    return frames ? [...before, { ...last, frames }] : before;
  }
  if (last?.kind === "crop" && change.kind === "crop" && last.segment === change.segment) {
    const [x, y] = [(last.x ?? 0) + (change.x ?? 0), (last.y ?? 0) + (change.y ?? 0)];
    return x || y ? [...before, { ...last, x, y }] : before;
  }
  return [...changes, change];
}

/** How far the crop of a segment is to be moved, in pixels of its clip. */
export function shiftOf(changes: readonly Change[], segment: number): { x: number; y: number } {
  const shift = { x: 0, y: 0 };
  for (const change of changes) {
    if (change.kind === "crop" && change.segment === segment) {
      shift.x += change.x ?? 0;
      shift.y += change.y ?? 0;
    }
  }
  return shift;
}

/** The words on a segment, with changes that are not carried out yet. */
export function captionOf(changes: readonly Change[], segment: Segment): string {
  const last = changes.findLast(
    (change) => change.kind === "caption" && change.segment === segment.number,
  );
  return last?.kind === "caption" ? (last.text ?? "") : segment.caption;
}

/** By how many frames a cut moves to the nearest beat that it may go to; null where there is none. */
export function toBeat(ways: readonly number[], direction: 1 | -1): number | null {
  const ahead = ways.map((by) => by * direction).filter((by) => by > 0);
  return ahead.length > 0 ? direction * Math.min(...ahead) : null;
}

/** Which change of a list a refusal is about. */
export function refusedAt(changes: readonly Change[], details: Record<string, unknown>): number {
  const number = details["change"];
  return typeof number === "number" ? number : changes.length - 1;
}

/** What a refusal says would be possible instead of a change. */
export function nearestOf(refused: Change, details: Record<string, unknown>): Change[] {
  const nearest = Array.isArray(details["nearest"]) ? details["nearest"] : [];
  return nearest.flatMap((value): Change[] => {
    if ((refused.kind === "trim" || refused.kind === "slip") && typeof value === "number")
      return [{ ...refused, frames: value }];
    if (refused.kind === "move" && typeof value === "number") return [{ ...refused, to: value }];
    if (refused.kind === "replace" && typeof value === "string")
      return [{ ...refused, alternative: value }];
    if (refused.kind === "crop" && typeof value === "object")
      return [{ ...refused, ...(value as { x: number; y: number }) }];
    return [];
  });
}
