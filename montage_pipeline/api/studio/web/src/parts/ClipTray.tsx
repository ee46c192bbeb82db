import { useEffect, useRef, useState } from "react";
import type { Options } from "../api/client";
import { linksOf, type Mark, type Tray, type TrayClip } from "../clips";
import { words } from "../strings";
import { thumbnailOf, thumbnailOfUpload } from "../thumbnail";

const MARKS: Mark[] = ["none", "hook", "must", "never"];
const GIGABYTE = 1024 ** 3;

/** Where clips are dropped, chosen or linked, and what is known of each. */
export function ClipTray({
  tray,
  limits,
  problems,
}: {
  tray: Tray;
  limits: Options["limits"];
  problems: Map<string, string>;
}) {
  const [over, setOver] = useState(false);
  const [refused, setRefused] = useState<string[]>([]);
  const input = useRef<HTMLInputElement>(null);

  const take = (files: File[]) => {
    const small = files.filter((file) => file.size <= limits.maxClipBytes);
    const large = files.filter((file) => file.size > limits.maxClipBytes);
    const room = Math.max(0, limits.maxClips - tray.clips.length);
    const limit = `${(limits.maxClipBytes / GIGABYTE).toFixed(1)} GB`;
    setRefused([
      ...large.map((file) => words.tooLarge(file.name, limit)),
      ...(small.length > room ? [words.tooMany(limits.maxClips)] : []),
    ]);
    tray.addFiles(small.slice(0, room));
  };

  return (
    <section className="stack">
      <h2>{words.clips}</h2>
      <div
        className={`drop ${over ? "over" : ""}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          take([...event.dataTransfer.files]);
        }}
      >
        <p>
          <strong>{words.drop}</strong>
          <br />
          <span className="muted">{words.dropLead}</span>
        </p>
        <button type="button" className="button" onClick={() => input.current?.click()}>
          {words.choose}
        </button>
        <input
          ref={input}
          type="file"
          accept="video/*,.mkv,.mts,.ts,.avi"
          multiple
          hidden
          aria-label={words.choose}
          onChange={(event) => {
            take([...(event.target.files ?? [])]);
            event.target.value = "";
          }}
        />
      </div>
      {refused.map((line) => (
        <p className="notice bad" role="alert" key={line}>
          {line}
        </p>
      ))}
      <Links tray={tray} />
      {tray.clips.length > 0 && (
        <ul className="tray">
          {tray.clips.map((clip) => (
            <Row key={clip.id} clip={clip} tray={tray} said={problems.get(clip.url ?? "")} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Row({ clip, tray, said }: { clip: TrayClip; tray: Tray; said: string | undefined }) {
  const problem = clip.problem ?? said;
  return (
    <li className={`clip ${problem ? "bad" : ""}`}>
      <Thumbnail clip={clip} />
      <div className="about">
        <span className="name">{clip.name}</span>
        <span className="muted small" aria-live="polite">
          {problem ?? stateOf(clip)}
        </span>
        {clip.file && !clip.url && !problem && (
          <progress max={1} value={clip.share} aria-label={clip.name} />
        )}
      </div>
      <select
        aria-label={words.markOf(clip.name)}
        value={clip.mark}
        onChange={(event) => tray.mark(clip.id, event.target.value as Mark)}
      >
        {MARKS.map((mark) => (
          <option key={mark} value={mark}>
            {words.marks[mark]}
          </option>
        ))}
      </select>
      {clip.problem && (
        <button type="button" className="button" onClick={() => tray.retry(clip.id)}>
          {words.retry}
        </button>
      )}
      <button
        type="button"
        className="button quiet"
        aria-label={`${words.remove} ${clip.name}`}
        onClick={() => tray.remove(clip.id)}
      >
        ✕
      </button>
    </li>
  );
}

function stateOf(clip: TrayClip): string {
  if (clip.file === null) return words.linked;
  if (clip.url) return words.uploaded;
  return clip.share > 0 ? words.uploading(Math.round(clip.share * 100)) : words.waiting;
}

/**
 * A frame of the file: by this browser where it can decode it, else by the server once the file is
 * there; its kind until then.
 */
function Thumbnail({ clip: { file, url } }: { clip: TrayClip }) {
  const own = useImage(file, thumbnailOf);
  const image = useImage(file && own === null ? url : null, thumbnailOfUpload) ?? own;

  if (image) return <img className="thumb" src={image} alt="" />;
  const kind = file ? (file.name.split(".").pop() ?? "") : "link";
  return <span className="thumb kind">{kind.slice(0, 5)}</span>;
}

/** The image that `make` gives of something: undefined until it is known, null where there is none. */
function useImage<T>(of: T | null, make: (of: T) => Promise<string | null>) {
  const [image, setImage] = useState<string | null | undefined>(undefined);
  useEffect(() => {
    let made: string | null = null;
    let gone = false;
    if (of !== null) {
      void make(of).then((url) => {
        made = url;
        if (gone && url) URL.revokeObjectURL(url);
        else if (!gone) setImage(url);
      });
    }
    return () => {
      gone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [of, make]);
  return image;
}

function Links({ tray }: { tray: Tray }) {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState<string[]>([]);
  return (
    <details className="more">
      <summary>{words.links}</summary>
      <div className="stack">
        <label className="field">
          <span>{words.linksLead}</span>
          <textarea rows={3} value={text} onChange={(event) => setText(event.target.value)} />
        </label>
        {wrong.map((line) => (
          <p className="notice bad" role="alert" key={line}>
            {words.notALink(line)}
          </p>
        ))}
        <button
          type="button"
          className="button"
          disabled={!text.trim()}
          onClick={() => {
            const { links, others } = linksOf(text);
            tray.addLinks(links);
            setWrong(others);
            setText(others.join("\n"));
          }}
        >
          {words.addLinks}
        </button>
      </div>
    </details>
  );
}
