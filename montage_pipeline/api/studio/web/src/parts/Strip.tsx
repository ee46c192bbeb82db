import { type KeyboardEvent, useState } from "react";
import type { Change, Edit } from "../api/client";
import type { Shown } from "../changes";
import { words } from "../strings";

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
  current,
  onChoose,
  onChange,
  onUndo,
}: Changing & {
  edit: Edit;
  shown: Shown[];
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

  return (
    <div className="timeline">
      <ol className="strip">
        {shown.map((one) => (
          // Set through the DOM by React, which the policy allows; style attributes it does not.
          <li
            key={one.segment.number}
            className={over === one.place && dragged !== null ? "target" : ""}
            style={{ flexGrow: one.frames }}
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
                else if (!chosenBeside(event, one, shown, onChoose)) return;
                event.preventDefault();
              }}
            />
          </li>
        ))}
      </ol>
      <Beats edit={edit} />
      {/* Where the music can be changed, it is named there. */}
      {!onChange && (
        <p className="muted small">{words.beats(edit.music.bpm, edit.music.composer)}</p>
      )}
    </div>
  );
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

function Beats({ edit }: { edit: Edit }) {
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
    </svg>
  );
}
