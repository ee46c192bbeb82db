import { useState } from "react";
import type { Edit } from "../api/client";
import { shownOf } from "../changes";
import { frameAt } from "../frames";
import { SegmentCard } from "./SegmentCard";
import { Strip } from "./Strip";

/** An edit that is looked at and not changed: its strip, and the segment that plays. */
export function EditView({
  edit,
  timeSec,
  onSeek,
}: {
  edit: Edit;
  timeSec: number | null;
  onSeek: (seconds: number) => void;
}) {
  const [chosen, setChosen] = useState(0);
  const playing =
    timeSec === null
      ? chosen
      : edit.segments.findLastIndex((one) => frameAt(one.reelSec) <= frameAt(timeSec));
  const segment = edit.segments[Math.max(0, playing)];
  return (
    <>
      <Strip
        edit={edit}
        shown={shownOf(edit, [], undefined)}
        timeSec={timeSec}
        current={playing}
        onChoose={(one) => {
          setChosen(one.segment.number);
          onSeek(one.reelSec);
        }}
      />
      {segment && <SegmentCard edit={edit} segment={segment} />}
    </>
  );
}
