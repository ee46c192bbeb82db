import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { Change, Edit } from "../api/client";
import type { Shown } from "../changes";
import { words } from "../strings";

/** The narrowest block: its number can be read and it can be hit. */
const LEAST_REM = 1.9;

interface Changing {
  onChange?: ((change: Change) => void) | undefined;
  onUndo?: (() => void) | undefined;
}

/** The edit as frames in proportion to time, on the beats of its music. With `onChange` segments
 * are dragged to other places, and keys change them.
 */
export function Strip({
  edit,
  shown,
  timeSec,
  current,
  onChoose,
  onChange,
  onUndo,
}: Changing & {
  edit: Edit;
  shown: Shown[];
  /** Where the player is; null where there is none. */
  timeSec: number | null;
  current: number;
  onChoose: (one: Shown) => void;
}) {
  const [dragged, setDragged] = useState<number | null>(null);
  const [over, setOver] = useState<number | null>(null);
  const drop = (place: number) => {
    if (dragged !== null && onChange) onChange({ kind: "move", segment: dragged, to: place });
    setDragged(null);
    setOver(null);
  };

  const frames = shown.map((one) => one.frames);
  const total = frames.reduce((sum, count) => sum + count, 0);
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    const scrolled = list.current?.parentElement?.parentElement;
    const block = list.current?.querySelector<HTMLElement>("[aria-current=true]")?.parentElement;
    if (scrolled && block) reveal(scrolled, block);
  }, [current]);

  return (
    <div className="timeline">
      {/* As wide as the shortest segment needs: what does not fit is scrolled to. */}
      <div className="scrolled">
        <div style={{ minWidth: `${(LEAST_REM * total) / Math.min(...frames)}rem` }}>
          <ol className="strip" ref={list}>
            {shown.map((one) => (
              // Set through the DOM by React, which the policy allows; style attributes it does not.
              <li
                key={one.segment.number}
                className={over === one.place && dragged !== null ? "target" : ""}
                style={{ width: `${(100 * one.frames) / total}%` }}
                draggable={onChange !== undefined && !one.locked}
                onDragStart={() => setDragged(one.segment.number)}
                onDragEnd={() => setDragged(null)}
                onDragOver={(event) => {
                  if (dragged === null) return;
                  event.preventDefault();
                  setOver(one.place);
                }}
                onDrop={(event) => {
                  event.preventDefault();
                  drop(one.place);
                }}
              >
                <Block
                  one={one}
                  isCurrent={one.segment.number === current}
                  onChoose={onChoose}
                  onKeyDown={(event) => {
                    const keyed = onChange && changeOf(event, one, shown.length);
                    if (keyed) onChange(keyed);
                    else if (isUndo(event) && onUndo) onUndo();
                    // At the ends nothing moves, and the browser is not to leave the page.
                    else if (!chosenBeside(event, one, shown, onChoose) && !isMove(event)) return;
                    event.preventDefault();
                  }}
                />
              </li>
            ))}
          </ol>
          <Beats edit={edit} timeSec={timeSec} />
        </div>
      </div>
      {/* Where the music can be changed, it is named there. */}
      {!onChange && (
        <p className="muted small">{words.beats(edit.music.bpm, edit.music.composer)}</p>
      )}
    </div>
  );
}

/** Scrolls sideways, and no further than needed, until a block is seen whole. */
function reveal(scrolled: HTMLElement, block: HTMLElement): void {
  const [outer, inner] = [scrolled.getBoundingClientRect(), block.getBoundingClientRect()];
  if (inner.left < outer.left) scrolled.scrollLeft -= outer.left - inner.left;
  else if (inner.right > outer.right) scrolled.scrollLeft += inner.right - outer.right;
}

/** The change that a key stands for. */
function changeOf(event: KeyboardEvent, one: Shown, total: number): Change | null {
  const segment = one.segment.number;
  const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
  const to = one.place + step;
  if (event.altKey && step && to >= 0 && to < total) return { kind: "move", segment, to };
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.key === "l") return { kind: "lock", segment, locked: !one.locked };
  if (event.key === "m" && one.segment.heard) return { kind: "mute", segment, muted: !one.muted };
  if (event.key === "Delete") return { kind: "ban", segment };
  if (event.key === "," || event.key === ".")
    return { kind: "slip", segment, frames: event.key === "," ? -1 : 1 };
  return null;
}

function isMove(event: KeyboardEvent): boolean {
  return event.altKey && (event.key === "ArrowLeft" || event.key === "ArrowRight");
}

function isUndo(event: KeyboardEvent): boolean {
  return event.key === "z" && (event.ctrlKey || event.metaKey);
}

/** Go to the segment beside it; false for other keys. */
function chosenBeside(
  event: KeyboardEvent,
  one: Shown,
  shown: Shown[],
  onChoose: (one: Shown) => void,
): boolean {
  const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
  const beside = shown[one.place + step];
  if (event.altKey || !step || !beside) return false;
  onChoose(beside);
  const block = event.currentTarget.closest("ol")?.children[one.place + step]?.firstElementChild;
  if (block instanceof HTMLElement) block.focus();
  return true;
}

function Block({
  one,
  isCurrent,
  onChoose,
  onKeyDown,
}: {
  one: Shown;
  isCurrent: boolean;
  onChoose: (one: Shown) => void;
  onKeyDown: (event: KeyboardEvent) => void;
}) {
  const said = [
    words.segment(one.place + 1, one.name, one.startSec, one.endSec),
    ...(one.locked ? [words.isLocked] : []),
    ...(one.rendered ? [words.willRender(one.rendered)] : []),
  ].join(". ");
  return (
    <button
      type="button"
      className={`block ${one.rendered ? "rendered" : ""}`}
      aria-label={said}
      aria-current={isCurrent}
      title={said}
      onClick={() => onChoose(one)}
      onKeyDown={onKeyDown}
    >
      {one.thumbnailUrl && <img src={one.thumbnailUrl} alt="" loading="lazy" draggable={false} />}
      <span className={`hue-${one.segment.clip % 8}`}>
        {one.place + 1}
        {one.locked && " 🔒"}
      </span>
    </button>
  );
}

const RULER_HEIGHT = 10;

function Beats({ edit, timeSec }: { edit: Edit; timeSec: number | null }) {
  const downbeats = new Set(edit.music.downbeatsSec);
  return (
    <svg
      className="ruler"
      viewBox={`0 0 ${edit.durationSec} ${RULER_HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {edit.music.beatsSec.map((beat) => (
        <line
          key={beat}
          x1={beat}
          x2={beat}
          y1={0}
          y2={downbeats.has(beat) ? RULER_HEIGHT : RULER_HEIGHT / 2}
          vectorEffect="non-scaling-stroke"
        />
      ))}
      {timeSec !== null && (
        <line
          className="now"
          x1={timeSec}
          x2={timeSec}
          y1={0}
          y2={RULER_HEIGHT}
          vectorEffect="non-scaling-stroke"
        />
      )}
    </svg>
  );
}
