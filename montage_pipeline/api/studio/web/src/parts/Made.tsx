import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import type { Artefacts, Item } from "../api/client";
import { pathOf } from "../api/links";
import { useArtefacts, useChangeSegments, useOptions } from "../api/queries";
import { frameAt, timeOf } from "../frames";
import { nameOf } from "../names";
import { save } from "../save";
import { inWords, words } from "../strings";
import { useUnmade } from "../unmade";
import { Costs } from "./Costs";
import { Covers } from "./Covers";
import { Editor } from "./Editor";
import { EditView } from "./EditView";
import { Problem } from "./Notice";
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
            {showsBefore && base && item.status !== "generating" && (
              <GoBack id={item.id} requestId={base} onDone={() => setShowBefore(false)} />
            )}
          </div>
        )}
      </div>
      <div className="stack">
        <h2>{words.edit}</h2>
        {artefacts && <Outdated id={item.id} requestId={artefacts.requestId} />}
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

/** Makes the Reel before a change the newest one again: all of its frames are there already. */
function GoBack({ id, requestId, onDone }: { id: string; requestId: string; onDone: () => void }) {
  const back = useChangeSegments(id);
  const click = useRef<string>(undefined);
  return (
    <>
      <button
        type="button"
        className="button"
        disabled={back.isPending}
        onClick={() => {
          click.current ??= crypto.randomUUID();
          const body = { baseRequestId: requestId, changes: [] };
          back.mutate({ body, click: click.current }, { onSuccess: onDone });
        }}
      >
        {words.goBack}
      </button>
      {back.error && <Problem problem={back.error} />}
    </>
  );
}

/** Says so where changes were put together of an edit that is not the newest any more. */
function Outdated({ id, requestId }: { id: string; requestId: string }) {
  const { outdated, giveUp } = useUnmade(id, requestId);
  if (outdated === 0) return null;
  return (
    <div className="notice bad" role="alert">
      <p>{words.changedElsewhere(outdated)}</p>
      <button type="button" className="button" onClick={giveUp}>
        {words.understood}
      </button>
    </div>
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
  const saved = (link: string, file: string) => {
    setSaving(true);
    void save(link, file).finally(() => setSaving(false));
  };
  const timelines = [
    [words.otio, "otio", artefacts?.otioUrl],
    [words.edl, "edl", artefacts?.edlUrl],
    [words.xml, "xml", artefacts?.xmlUrl],
    [words.timeline, "json", artefacts?.timelineUrl],
  ] as const;
  return (
    <div className="row downloads">
      <button
        type="button"
        className="button primary"
        disabled={saving}
        onClick={() => saved(url, `${name}.mp4`)}
      >
        {words.download}
      </button>
      {artefacts?.storyboardUrl && (
        <a className="button" href={artefacts.storyboardUrl} target="_blank" rel="noreferrer">
          {words.storyboard}
        </a>
      )}
      {timelines.map(
        ([kind, ending, link]) =>
          link && (
            <button
              type="button"
              className="button"
              key={kind}
              disabled={saving}
              onClick={() => saved(link, `${name}.${ending}`)}
            >
              {kind}
            </button>
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
