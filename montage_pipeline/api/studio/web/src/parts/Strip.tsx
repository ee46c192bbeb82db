import type { ShownSegment } from "../segments";
import { words } from "../strings";

/** The edit as blocks in proportion to time; the one being shown is marked. */
export function Strip({
  segments,
  current,
  onChoose,
}: {
  segments: ShownSegment[];
  current: number;
  onChoose: (segment: ShownSegment) => void;
}) {
  const total = segments.reduce((sum, segment) => sum + segment.lengthSec, 0) || 1;
  return (
    <ol className="strip">
      {segments.map((segment, index) => {
        const share = segment.lengthSec / total;
        return (
          <Block
            key={`${segment.reelSec}`}
            segment={segment}
            number={index + 1}
            share={share}
            isCurrent={index === current}
            onChoose={onChoose}
          />
        );
      })}
    </ol>
  );
}

function Block({
  segment,
  number,
  share,
  isCurrent,
  onChoose,
}: {
  segment: ShownSegment;
  number: number;
  share: number;
  isCurrent: boolean;
  onChoose: (segment: ShownSegment) => void;
}) {
  const said = words.segment(number, segment.name, segment.startSec, segment.endSec);
  return (
    // The policy allows no style attributes; React sets this one through the DOM, which is allowed.
    <li style={{ flexGrow: share * 1000 }}>
      <button
        type="button"
        className={`block hue-${segment.clip % 8}`}
        aria-label={said}
        aria-current={isCurrent}
        title={said}
        onClick={() => onChoose(segment)}
      >
        <span>{number}</span>
      </button>
    </li>
  );
}
