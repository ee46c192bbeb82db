import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import type { Artefacts, Item } from "../api/client";
import { pathOf } from "../api/links";
import { useArtefacts, useOptions } from "../api/queries";
import { frameAt, timeOf } from "../frames";
import { nameOf } from "../names";
import { save } from "../save";
import { inWords, words } from "../strings";
import { Costs } from "./Costs";
import { Covers } from "./Covers";
import { Editor } from "./Editor";
import { EditView } from "./EditView";
import { Player } from "./Player";
import { Formats } from "./Renditions";

/** A finished Reel: played, changed, taken away, beside all that is known of it. */
export function Made({
  item,
  url,
  artefacts,
}: {
  item: Item;
  url: string;
  artefacts: Artefacts | undefined;
}) {
  const options = useOptions();
  const client = useQueryClient();
  const video = useRef<HTMLVideoElement>(null);
  const [timeSec, setTimeSec] = useState(0);
  const format = options.data?.formats.find((format) => format.name === item.format);
  const seek = (seconds: number) => {
    if (video.current) video.current.currentTime = timeOf(frameAt(seconds));
  };

  const base = artefacts?.baseRequestId ?? null;
  const changed = useArtefacts(item.id, base).data;
  const before = (base !== null && changed?.requestId === base && changed.reelUrl) || null;
  const [showBefore, setShowBefore] = useState(false);
  const isOther = before !== null && pathOf(before) !== pathOf(url);
  const showsBefore = isOther && showBefore;
  const editBefore = (showsBefore && changed?.edit) || null;
  const edit = artefacts?.edit;
  const changeable = item.status !== "generating" && edit?.segments.some((one) => one.slip);

  return (
    <section className="made">
      <div className="stack">
        <Player
          url={showsBefore ? before : url}
          poster={item.posterUrl}
          title={nameOf(item)}
          format={format}
          video={video}
          onTime={setTimeSec}
          onStale={() => void client.invalidateQueries()}
        />
        {isOther && (
          <div className="row center" role="group" aria-label={words.compare}>
            {[true, false].map((old) => (
              <button
                key={String(old)}
                type="button"
                className="button"
                aria-pressed={showBefore === old}
                onClick={() => setShowBefore(old)}
              >
                {old ? words.before : words.after}
              </button>
            ))}
          </div>
        )}
      </div>
      <div className="stack">
        <h2>{words.edit}</h2>
        {editBefore && <EditView edit={editBefore} timeSec={timeSec} onSeek={seek} />}
        {/* Out of sight it keeps the changes that are not made yet. */}
        <div className={editBefore ? undefined : "stack"} hidden={editBefore !== null}>
          {edit && artefacts && changeable && (
            <Editor
              key={artefacts.requestId}
              item={item}
              edit={edit}
              requestId={artefacts.requestId}
              timeSec={timeSec}
              onSeek={seek}
              onMade={() => setShowBefore(false)}
            />
          )}
          {edit && !changeable && <EditView edit={edit} timeSec={timeSec} onSeek={seek} />}
        </div>
        <Downloads url={url} name={nameOf(item)} artefacts={artefacts} />
        <Formats item={item} options={options.data} />
        <Covers id={item.id} covers={artefacts?.covers ?? []} />
        <Originality item={item} />
        <Warnings item={item} />
        <Costs id={item.id} />
      </div>
    </section>
  );
}

function Downloads({
  url,
  name,
  artefacts,
}: {
  url: string;
  name: string;
  artefacts: Artefacts | undefined;
}) {
  const [saving, setSaving] = useState(false);
  const others = [
    [words.storyboard, artefacts?.storyboardUrl],
    [words.otio, artefacts?.otioUrl],
    [words.edl, artefacts?.edlUrl],
    [words.xml, artefacts?.xmlUrl],
    [words.timeline, artefacts?.timelineUrl],
  ] as const;
  return (
    <div className="row downloads">
      <button
        type="button"
        className="button primary"
        disabled={saving}
        onClick={() => {
          setSaving(true);
          void save(url, `${name}.mp4`).finally(() => setSaving(false));
        }}
      >
        {words.download}
      </button>
      {others.map(
        ([name, link]) =>
          link && (
            <a className="button" href={link} key={name} target="_blank" rel="noreferrer">
              {name}
            </a>
          ),
      )}
    </div>
  );
}

function Originality({ item }: { item: Item }) {
  if (!item.originality) return null;
  return (
    <section>
      <h2 className="heading">
        {words.originality}
        <span className="figure">{words.percent(Math.round(item.originality.score * 100))}</span>
      </h2>
      <dl className="parts scored">
        {item.originality.parts.map((part) => (
          <div key={part.name}>
            <dt>
              {capitalised(part.name)} <meter value={part.score} aria-label={part.name} />
            </dt>
            <dd className="muted small">{part.note}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function Warnings({ item }: { item: Item }) {
  if (item.warnings.length === 0) return null;
  return (
    <details className="more">
      <summary>
        {words.notes} ({item.warnings.length})
      </summary>
      <ul className="plain small">
        {item.warnings.map((line) => (
          <li key={line}>{inWords(line)}</li>
        ))}
      </ul>
    </details>
  );
}
