import { useState } from "react";
import type { Change, Edit } from "../api/client";
import { toBeat, type Shown } from "../changes";
import { words } from "../strings";

/** What may be done to a segment, as buttons: each is a change of the list. */
export function Tools({
  edit,
  at,
  onChange,
}: {
  edit: Edit;
  at: Shown;
  onChange: (change: Change) => void;
}) {
  const [offBeat, setOffBeat] = useState(false);
  const segment = at.segment.number;
  const endSec = at.reelSec + at.frames / edit.fps;
  const trim = (edge: "in" | "out", direction: 1 | -1) => {
    const cutSec = edge === "in" ? at.reelSec : endSec;
    const frames = offBeat ? direction : (toBeat(edit, cutSec, direction) ?? direction);
    onChange({ kind: "trim", segment, edge, frames, offBeat });
  };

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
          disabled={[at.locked || at.place < 2, at.locked || at.place < 2]}
          names={[words.beginEarlier, words.beginLater]}
          onStep={(direction) => trim("in", direction)}
        />
        <Arrows
          label={words.ends}
          disabled={[isEdge(edit, at), isEdge(edit, at)]}
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
      <Caption key={`${segment} ${at.segment.caption}`} at={at} onChange={onChange} />
    </div>
  );
}

function isEdge(edit: Edit, at: Shown): boolean {
  return at.locked || at.place === 0 || at.place === edit.segments.length - 1;
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

function Caption({ at, onChange }: { at: Shown; onChange: (change: Change) => void }) {
  const [text, setText] = useState(at.segment.caption);
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
        disabled={at.locked || text.trim() === at.segment.caption}
      >
        {words.setCaption}
      </button>
    </form>
  );
}
