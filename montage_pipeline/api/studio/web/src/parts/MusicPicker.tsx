import { useState } from "react";
import { upload } from "../api/upload";
import { words } from "../strings";

/** A track of the person's own, uploaded as soon as it is chosen. */
export function MusicPicker({
  label,
  chosen,
  none,
  maxBytes,
  onChoose,
  onRemove,
  onCompose,
}: {
  label: string;
  chosen: string | null;
  none: string;
  maxBytes: number;
  onChoose: (music: { name: string; url: string }) => void;
  onRemove: () => void;
  /** Where music can be composed in place of what is there. */
  onCompose?: () => void;
}) {
  const [share, setShare] = useState<number | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const take = async (file: File) => {
    if (file.size > maxBytes) {
      setProblem(words.tooLarge(file.name, `${Math.round(maxBytes / 1024 ** 2)} MB`));
      return;
    }
    setProblem(null);
    setShare(0);
    try {
      const url = await upload(file, setShare, new AbortController().signal);
      onChoose({ name: file.name, url });
    } catch (error) {
      setProblem((error as Error).message);
    } finally {
      setShare(null);
    }
  };
  return (
    <div className="field">
      <span>{label}</span>
      <p className="muted">{chosen ?? none}</p>
      <div className="row">
        {chosen && (
          <button type="button" className="button quiet" onClick={onRemove}>
            {words.remove}
          </button>
        )}
        {onCompose && (
          <button type="button" className="button" onClick={onCompose}>
            {words.musicCompose}
          </button>
        )}
        <label className="button">
          {words.musicChoose}
          <input
            type="file"
            accept="audio/*"
            className="hidden-input"
            onChange={(event) => {
              const file = event.target.files?.[0];
              if (file) void take(file);
              event.target.value = "";
            }}
          />
        </label>
      </div>
      {share !== null && <progress max={1} value={share} aria-label={label} />}
      {problem && (
        <p className="notice bad" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}
