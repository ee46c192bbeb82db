import { useState } from "react";
import type { Change, Edit } from "../api/client";
import { captionOf, toBeat, type Shown } from "../changes";
import { words } from "../strings";

type Edge = "in" | "out";

/** What may be done to a segment, as buttons: each is a change of the list. */
export function Tools({
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
  const caption = captionOf(changes, at.segment);
  const [offBeat, setOffBeat] = useState(false);
  const segment = at.segment.number;
  const frames = (edge: Edge, direction: 1 | -1): number | null => {
    // Of an edit of an earlier release nobody knows; the server says what can be.
    if (offBeat || !at.trim) return isCut(edit, at, edge) ? direction : null;
    return toBeat(edge === "in" ? at.trim.begin : at.trim.end, direction);
  };
  const trim = (edge: Edge, direction: 1 | -1) => {
    const by = frames(edge, direction);
    if (by !== null) onChange({ kind: "trim", segment, edge, frames: by, offBeat });
  };
  const still = (edge: Edge): [boolean, boolean] => [
    frames(edge, -1) === null,
    frames(edge, 1) === null,
  ];

  return (
    <div className="tools">
      <div className="row" role="group" aria-label={words.segmentTools}>
        <button
          type="button"
          className="button"
          aria-pressed={at.locked}
          onClick={() => onChange({ kind: "lock", segment, locked: !at.locked })}
        >
          {words.lock}
        </button>
        <button
          type="button"
          className="button"
          disabled={at.locked}
          onClick={() => onChange({ kind: "ban", segment })}
        >
          {words.ban}
        </button>
        {at.segment.heard && (
          <button
            type="button"
            className="button"
            aria-pressed={at.muted}
            onClick={() => onChange({ kind: "mute", segment, muted: !at.muted })}
          >
            {words.mute}
          </button>
        )}
      </div>
      <div className="steppers" role="group" aria-label={words.trim}>
        <Arrows
          label={words.place}
          disabled={[at.locked || at.place === 0, at.locked || at.place === edit.segments.length - 1]}
          names={[words.moveEarlier, words.moveLater]}
          onStep={(direction) => onChange({ kind: "move", segment, to: at.place + direction })}
        />
        <Arrows
          label={words.slip}
          disabled={[at.locked, at.locked]}
          names={[words.slipEarlier, words.slipLater]}
          onStep={(direction) => onChange({ kind: "slip", segment, frames: direction })}
        />
        <Arrows
          label={words.begins}
          disabled={still("in")}
          names={[words.beginEarlier, words.beginLater]}
          onStep={(direction) => trim("in", direction)}
        />
        <Arrows
          label={words.ends}
          disabled={still("out")}
          names={[words.endEarlier, words.endLater]}
          onStep={(direction) => trim("out", direction)}
        />
      </div>
      <label className="check">
        <input
          type="checkbox"
          checked={offBeat}
          onChange={(event) => setOffBeat(event.target.checked)}
        />
        <span>{words.offBeat}</span>
      </label>
      <Caption key={`${segment} ${caption}`} at={at} caption={caption} onChange={onChange} />
    </div>
  );
}

/** Whether a cut that may move is at this edge: the opening keeps its length, the Reel its edges. */
function isCut(edit: Edit, at: Shown, edge: Edge): boolean {
  const left = edge === "in" ? at.place - 1 : at.place;
  return !at.locked && left > 0 && left < edit.segments.length - 1;
}

function Arrows({
  label,
  names,
  disabled,
  onStep,
}: {
  label: string;
  names: [string, string];
  disabled: [boolean, boolean];
  onStep: (direction: 1 | -1) => void;
}) {
  return (
    <span className="arrows">
      <span className="small muted">{label}</span>
      <button
        type="button"
        className="button"
        aria-label={names[0]}
        title={names[0]}
        disabled={disabled[0]}
        onClick={() => onStep(-1)}
      >
        ‹
      </button>
      <button
        type="button"
        className="button"
        aria-label={names[1]}
        title={names[1]}
        disabled={disabled[1]}
        onClick={() => onStep(1)}
      >
        ›
      </button>
    </span>
  );
}

function Caption({
  at,
  caption,
  onChange,
}: {
  at: Shown;
  caption: string;
  onChange: (change: Change) => void;
}) {
  const [text, setText] = useState(caption);
  const segment = at.segment.number;
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        onChange({ kind: "caption", segment, text: text.trim() || null });
      }}
    >
      <input
        className="grow"
        aria-label={words.captionOn(at.place + 1)}
        placeholder={words.captionOn(at.place + 1)}
        maxLength={100}
        value={text}
        disabled={at.locked}
        onChange={(event) => setText(event.target.value)}
      />
      <button
        type="submit"
        className="button"
        disabled={at.locked || text.trim() === caption}
      >
        {words.setCaption}
      </button>
    </form>
  );
}
