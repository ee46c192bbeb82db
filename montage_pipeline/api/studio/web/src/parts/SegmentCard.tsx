import type { Edit, Segment } from "../api/client";
import { words } from "../strings";
import { Scores } from "./Scores";

/** Why a segment is shown, and which part of its source frame. */
export function SegmentCard({ edit, segment }: { edit: Edit; segment: Segment }) {
  const clip = edit.clips[segment.clip];
  const name = clip?.name ?? "";
  const { x, y, width, height } = segment.crop;
  const role = words.roles[segment.role];
  return (
    <figure className="segment">
      <div className="source">
        <img src={segment.thumbnailUrl} alt={words.frameOf(name)} />
        <svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
          {/* What is left out, as a frame around the crop. */}
          <path
            fillRule="evenodd"
            d={`M0 0H1V1H0Z M${x} ${y}h${width}v${height}h${-width}Z`}
          />
        </svg>
      </div>
      <figcaption>
        <strong>
          {segment.number + 1}. <bdi>{name}</bdi>
        </strong>
        <span className="muted small">
          {words.seconds(segment.startSec)} – {words.seconds(segment.endSec)}
          {role && ` · ${role}`}
        </span>
        <Scores edit={edit} clip={segment.clip} moment={segment.moment} />
        <p className="small">{segment.why}</p>
      </figcaption>
    </figure>
  );
}
