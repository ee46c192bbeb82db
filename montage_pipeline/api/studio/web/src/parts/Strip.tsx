import type { Edit, Segment } from "../api/client";
import { words } from "../strings";

/** The edit as frames in proportion to time, on the beats of its music. */
export function Strip({
  edit,
  current,
  onChoose,
}: {
  edit: Edit;
  current: number;
  onChoose: (segment: Segment) => void;
}) {
  return (
    <div className="timeline">
      <ol className="strip">
        {edit.segments.map((segment) => (
          // Set through the DOM by React, which the policy allows; style attributes it does not.
          <li key={segment.number} style={{ flexGrow: segment.frames }}>
            <Block
              segment={segment}
              name={edit.clips[segment.clip]?.name ?? ""}
              isCurrent={segment.number === current}
              onChoose={onChoose}
            />
          </li>
        ))}
      </ol>
      <Beats edit={edit} />
      <p className="muted small">{words.beats(edit.music.bpm, edit.music.composer)}</p>
    </div>
  );
}

function Block({
  segment,
  name,
  isCurrent,
  onChoose,
}: {
  segment: Segment;
  name: string;
  isCurrent: boolean;
  onChoose: (segment: Segment) => void;
}) {
  const said = words.segment(segment.number + 1, name, segment.startSec, segment.endSec);
  return (
    <button
      type="button"
      className="block"
      aria-label={said}
      aria-current={isCurrent}
      title={said}
      onClick={() => onChoose(segment)}
    >
      <img src={segment.thumbnailUrl} alt="" loading="lazy" />
      <span className={`hue-${segment.clip % 8}`}>{segment.number + 1}</span>
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
