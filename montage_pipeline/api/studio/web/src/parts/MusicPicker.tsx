import type { Track } from "../track";
import { words } from "../strings";

/** A track of the person's own, uploaded as soon as it is chosen. */
export function MusicPicker({
  label,
  chosen,
  none,
  track,
  maxBytes,
  onRemove,
  onCompose,
}: {
  label: string;
  chosen: string | null;
  none: string;
  track: Track;
  maxBytes: number;
  onRemove: () => void;
  /** Where music can be composed in place of what is there. */
  onCompose?: () => void;
}) {
  const sending = track.share !== null;
  return (
    <div className="field">
      <span>{label}</span>
      <p className="muted" dir="auto">
        {sending ? track.name : (chosen ?? none)}
      </p>
      {sending && <progress max={1} value={track.share ?? 0} aria-label={track.name ?? label} />}
      <div className="row">
        {sending && (
          <button type="button" className="button" onClick={track.cancel}>
            {words.musicCancel}
          </button>
        )}
        {chosen && !sending && (
          <button type="button" className="button quiet" onClick={onRemove}>
            {words.remove}
          </button>
        )}
        {onCompose && !sending && (
          <button type="button" className="button" onClick={onCompose}>
            {words.musicCompose}
          </button>
        )}
        {!sending && (
          <label className="button">
            {words.musicChoose}
            <input
              type="file"
              accept="audio/*"
              className="hidden-input"
              onChange={(event) => {
                const file = event.target.files?.[0];
                if (file) track.take(file, maxBytes);
                event.target.value = "";
              }}
            />
          </label>
        )}
      </div>
      {track.problem && (
        <p className="notice bad" role="alert">
          {track.problem}
        </p>
      )}
    </div>
  );
}
