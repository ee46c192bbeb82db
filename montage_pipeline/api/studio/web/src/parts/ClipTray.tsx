import { useRef, useState } from "react";
import type { Options } from "../api/client";
import { identityOf } from "../api/parts";
import { linksOf, type Mark, type Tray, type TrayClip } from "../clips";
import { filesIn, refusalOf } from "../files";
import { words } from "../strings";
import { BegunUploads } from "./BegunUploads";
import { useImage } from "../image";
import { frameOf, thumbnailOf, thumbnailOfUpload } from "../thumbnail";

const MARKS: Mark[] = ["none", "hook", "must", "never"];

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
  const choose = useRef<HTMLButtonElement>(null);

  const rows = useRef<HTMLUListElement>(null);
  const uploaded = tray.clips.filter((clip) => clip.url).length;

  const take = (files: File[]) => {
    const there = new Set(tray.clips.map((clip) => clip.file && identityOf(clip.file)));
    const refusals = files.map((file) => {
      if (there.has(identityOf(file))) return words.thereAlready(file.name);
      there.add(identityOf(file));
      return refusalOf(file, limits);
    });
    const clips = files.filter((_file, index) => refusals[index] === null);
    const room = Math.max(0, limits.maxClips - tray.clips.length);
    setRefused([
      ...refusals.filter((refusal) => refusal !== null),
      ...(clips.length > room ? [words.tooMany(limits.maxClips)] : []),
    ]);
    tray.addFiles(clips.slice(0, room));
  };
  const remove = (index: number) => {
    const buttons = [...(rows.current?.querySelectorAll<HTMLElement>(".remove") ?? [])];
    // The row below takes its place, for whoever goes through them by keyboard.
    const next = buttons[index + 1] ?? buttons[index - 1] ?? choose.current;
    next?.focus();
    tray.remove(tray.clips[index]!.id);
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
          void filesIn(event.dataTransfer).then(take);
        }}
      >
        <p>
          <strong>{words.drop}</strong>
          <br />
          <span className="muted">{words.dropLead}</span>
        </p>
        <button
          ref={choose}
          type="button"
          className="button"
          onClick={() => input.current?.click()}
        >
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
      {refused.length > 0 && (
        <ul className="plain notice bad" role="alert">
          {refused.map((line, index) => (
            <li key={index} dir="auto">
              {line}
            </li>
          ))}
        </ul>
      )}
      <BegunUploads tray={tray} />
      <Links tray={tray} room={limits.maxClips - tray.clips.length} />
      <p className="heard" role="status">
        {tray.clips.length > 0 && words.uploadedOf(uploaded, tray.clips.length)}
      </p>
      {tray.clips.length > 0 && (
        <ul className="tray" ref={rows}>
          {tray.clips.map((clip, index) => (
            <Row
              key={clip.id}
              clip={clip}
              tray={tray}
              said={problems.get(clip.url ?? "")}
              onRemove={() => remove(index)}
            />
          ))}
        </ul>
      )}
    </section>
  );
}

function Row({
  clip,
  tray,
  said,
  onRemove,
}: {
  clip: TrayClip;
  tray: Tray;
  said: string | undefined;
  onRemove: () => void;
}) {
  const problem = clip.problem ?? said;
  return (
    <li className={`clip ${problem ? "bad" : ""}`}>
      <Thumbnail clip={clip} />
      <div className="about">
        <span className="name" dir="auto" title={clip.name}>
          {clip.name}
        </span>
        {problem ? (
          <span className="small" role="alert">
            {problem}
          </span>
        ) : (
          <span className="muted small">{stateOf(clip)}</span>
        )}
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
        className="button quiet remove"
        aria-label={`${words.remove} ${clip.name}`}
        onClick={onRemove}
      >
        ✕
      </button>
    </li>
  );
}

function stateOf(clip: TrayClip): string {
  if (clip.url) return clip.file || frameOf(clip.url) ? words.uploaded : words.linked;
  return clip.share > 0 ? words.uploading(Math.round(clip.share * 100)) : words.waiting;
}

/**
 * A frame of the file: by this browser where it can decode it, else by the server once the file is
 * there; its kind until then.
 */
function Thumbnail({ clip: { file, url } }: { clip: TrayClip }) {
  const own = useImage(file, thumbnailOf);
  const frame = own === null && url ? frameOf(url) : null;
  const image = useImage(frame, thumbnailOfUpload) ?? own;

  if (image) return <img className="thumb" src={image} alt="" />;
  const kind = file ? (file.name.split(".").pop() ?? "") : "clip";
  return <span className="thumb kind">{kind.slice(0, 5)}</span>;
}

function Links({ tray, room }: { tray: Tray; room: number }) {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState<string[]>([]);
  const add = () => {
    const { links, others } = linksOf(text);
    const known = new Set(tray.clips.map((clip) => clip.url));
    const added = [...new Set(links)].filter((link) => !known.has(link));
    const left = added.slice(Math.max(0, room));
    tray.addLinks(added.slice(0, Math.max(0, room)));
    setWrong([
      ...others.map(words.notALink),
      ...links.filter((link) => known.has(link)).map(words.thereAlready),
      ...(left.length > 0 ? [words.tooManyLinks(left.length)] : []),
    ]);
    setText([...others, ...left].join("\n"));
  };
  return (
    <details className="more">
      <summary>{words.links}</summary>
      <div className="stack">
        <label className="field">
          <span>{words.linksLead}</span>
          <textarea rows={3} value={text} onChange={(event) => setText(event.target.value)} />
        </label>
        {wrong.map((line, index) => (
          <p className="notice bad" role="alert" key={index}>
            {line}
          </p>
        ))}
        <button type="button" className="button" disabled={!text.trim()} onClick={add}>
          {words.addLinks}
        </button>
      </div>
    </details>
  );
}
