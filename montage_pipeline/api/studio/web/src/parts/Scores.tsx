import type { Edit } from "../api/client";
import { words } from "../strings";

/** How good a moment of a clip is, and for what. */
export function Scores({ edit, clip, moment }: { edit: Edit; clip: number; moment: string }) {
  const found = edit.clips[clip]?.moments.find((one) => one.id === moment);
  if (!found) return null;
  return (
    <dl className="scores small">
      {words.scoresOf(found).map(([name, value]) => (
        <div key={name}>
          <dt className="muted">{name}</dt>
          <dd>
            <meter value={value} aria-label={name} /> {value.toFixed(2)}
          </dd>
        </div>
      ))}
    </dl>
  );
}
