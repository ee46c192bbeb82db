import { type PointerEvent, useRef, useState } from "react";
import type { Change, Edit } from "../api/client";
import { shiftOf, type Shown } from "../changes";
import { words } from "../strings";

/** Arrow keys move by this share of the clip's width; with Shift by ten times that. */
const STEP = 0.005;

/** The source frame of a segment with the crop on it, which is dragged, or moved by arrow keys. */
export function CropFrame({
  edit,
  at,
  changes,
  onChange,
}: {
  edit: Edit;
  at: Shown;
  changes: readonly Change[];
  onChange: (change: Change) => void;
}) {
  const frame = useRef<HTMLDivElement>(null);
  const from = useRef<{ x: number; y: number }>(undefined);
  const [drag, setDrag] = useState({ x: 0, y: 0 });
  const segment = at.segment;
  const clip = edit.clips[segment.clip];
  // The crop of other footage is not known before it is framed.
  const known = clip !== undefined && at.thumbnailUrl === segment.thumbnailUrl;
  const shift = shiftOf(changes, segment.number);
  const width = clip?.width ?? 1;
  const height = clip?.height ?? 1;
  const spare = { x: 1 - segment.crop.width, y: 1 - segment.crop.height };
  const rest = {
    x: within(segment.crop.x + shift.x / width, spare.x),
    y: within(segment.crop.y + shift.y / height, spare.y),
  };
  const crop = {
    ...segment.crop,
    x: within(rest.x + drag.x, spare.x),
    y: within(rest.y + drag.y, spare.y),
  };
  /** Moves it as far as the frame goes. */
  const nudge = (x: number, y: number) => {
    const pixels = {
      x: inPairs((within(rest.x + x, spare.x) - rest.x) * width),
      y: inPairs((within(rest.y + y, spare.y) - rest.y) * height),
    };
    if (pixels.x || pixels.y) onChange({ kind: "crop", segment: segment.number, ...pixels });
  };
  const moved = (event: PointerEvent) => {
    const box = frame.current?.getBoundingClientRect();
    if (!box || !from.current) return { x: 0, y: 0 };
    return {
      x: (event.clientX - from.current.x) / box.width,
      y: (event.clientY - from.current.y) / box.height,
    };
  };

  return (
    <div className="source" ref={frame}>
      {at.thumbnailUrl && <img src={at.thumbnailUrl} alt={words.frameOf(at.name)} />}
      {known && (
        <>
          <svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
            <path
              fillRule="evenodd"
              d={`M0 0H1V1H0Z M${crop.x} ${crop.y}h${crop.width}v${crop.height}h${-crop.width}Z`}
            />
          </svg>
          <button
            type="button"
            className="crop"
            aria-label={words.moveCrop}
            disabled={at.locked}
            style={{
              left: `${crop.x * 100}%`,
              top: `${crop.y * 100}%`,
              width: `${crop.width * 100}%`,
              height: `${crop.height * 100}%`,
            }}
            onPointerDown={(event) => {
              from.current = { x: event.clientX, y: event.clientY };
              event.currentTarget.setPointerCapture(event.pointerId);
            }}
            onPointerMove={(event) => from.current && setDrag(moved(event))}
            onPointerUp={(event) => {
              const by = moved(event);
              from.current = undefined;
              setDrag({ x: 0, y: 0 });
              nudge(by.x, by.y);
            }}
            onPointerCancel={() => {
              from.current = undefined;
              setDrag({ x: 0, y: 0 });
            }}
            onKeyDown={(event) => {
              const step = event.shiftKey ? 10 * STEP : STEP;
              if (event.key === "ArrowLeft") nudge(-step, 0);
              else if (event.key === "ArrowRight") nudge(step, 0);
              else if (event.key === "ArrowUp") nudge(0, -step);
              else if (event.key === "ArrowDown") nudge(0, step);
              else return;
              event.preventDefault();
            }}
          />
        </>
      )}
    </div>
  );
}

function within(value: number, most: number): number {
  return Math.min(Math.max(value, 0), Math.max(most, 0));
}

/** Pixels in pairs, as video has its colours; no more than there are. */
function inPairs(pixels: number): number {
  return 2 * Math.trunc(pixels / 2);
}
