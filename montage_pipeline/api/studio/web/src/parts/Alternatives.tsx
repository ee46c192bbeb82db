import type { Change, Edit, Segment } from "../api/client";
import { words } from "../strings";

/** What could be shown in a segment's place, the best first, each with its reason. */
export function Alternatives({
  edit,
  segment,
  locked,
  onChange,
}: {
  edit: Edit;
  segment: Segment;
  locked: boolean;
  onChange: (change: Change) => void;
}) {
  if (segment.alternatives.length === 0) return null;
  return (
    <section aria-label={words.alternatives(segment.number + 1)}>
      <h3>{words.alternatives(segment.number + 1)}</h3>
      <ul className="plain alternatives">
        {segment.alternatives.map((one) => (
          <li key={one.id}>
            <button
              type="button"
              disabled={locked}
              onClick={() =>
                onChange({ kind: "replace", segment: segment.number, alternative: one.id })
              }
            >
              {one.thumbnailUrl && <img src={one.thumbnailUrl} alt="" loading="lazy" />}
              <span className="small">
                <strong>
                  <bdi>{edit.clips[one.clip]?.name}</bdi>
                </strong> {words.seconds(one.startSec)} –{" "}
                {words.seconds(one.endSec)}
              </span>
              <span className="small">{one.what}</span>
              <span className="muted small">{one.why}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
