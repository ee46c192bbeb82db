import type { Change, Edit, Segment } from "../api/client";
import { useImage } from "../image";
import { words } from "../strings";
import { frameOf, thumbnailOfUpload } from "../thumbnail";

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
              <Picture
                url={one.thumbnailUrl}
                frame={frameOf(edit.clips[one.clip]?.url ?? "", one.startSec)}
              />
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

/** A frame of what is offered; made by the server where none was kept with the edit. */
function Picture({ url, frame }: { url: string | null; frame: string | null }) {
  const made = useImage(url ? null : frame, thumbnailOfUpload);
  const src = url ?? made;
  return src ? <img src={src} alt="" loading="lazy" /> : <span className="no-picture" />;
}
