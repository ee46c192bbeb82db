import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { Link } from "wouter";
import { type Artefacts, type Edit, isCanceled, isPassing, type Item } from "../api/client";
import { pathOf } from "../api/links";
import { useArtefacts, useCancel, useItem, useMakeAgain, useOptions } from "../api/queries";
import { useWatched } from "../api/watch";
import { frameAt, timeOf } from "../frames";
import { nameOf } from "../names";
import { usePageTitle } from "../page";
import { Costs } from "../parts/Costs";
import { Covers } from "../parts/Covers";
import { shownOf } from "../changes";
import { Delete } from "../parts/Delete";
import { Editor } from "../parts/Editor";
import { Loading, Problem } from "../parts/Notice";
import { Player } from "../parts/Player";
import { Formats, Previews } from "../parts/Renditions";
import { SegmentCard } from "../parts/SegmentCard";
import { Strip } from "../parts/Strip";
import { Title } from "../parts/Title";
import { Variants } from "../parts/Variants";
import { save } from "../save";
import { inWords, words } from "../strings";

export function ItemPage({ id }: { id: string }) {
  const item = useItem(id);
  useWatched(id, item.data?.status === "generating");
  usePageTitle(item.data ? titleOf(item.data) : words.loading);
  if (item.isPending) return <Loading />;
  if (item.isLoadingError || (item.isError && !isPassing(item.error)))
    return <Problem problem={item.error} onRetry={() => item.refetch()} />;
  return <Reel item={item.data} />;
}

function titleOf(item: Item): string {
  const making = item.status === "generating" ? `${words.percent(item.progressPercent)} · ` : "";
  return making + nameOf(item);
}

function Reel({ item }: { item: Item }) {
  const again = useMakeAgain(item.id);
  const generating = item.status === "generating";
  return (
    <article className="stack">
      <div className="heading">
        <div className="grow">
          <Link href="/" className="back small">
            ‹ {words.back}
          </Link>
          <Title item={item} />
        </div>
        {!generating && (
          <div className="row">
            <Delete id={item.id} />
            <button
              type="button"
              className="button"
              disabled={again.isPending}
              onClick={() => again.mutate(undefined)}
            >
              {item.generatedMediaUrl ? words.again : words.retry}
            </button>
            {canKeepMusic(item) && (
              <button
                type="button"
                className="button"
                disabled={again.isPending}
                onClick={() =>
                  again.mutate({ ...item.wishes, targetBpm: null, keepMusic: true })
                }
              >
                {words.againSameMusic}
              </button>
            )}
          </div>
        )}
      </div>
      {again.error && <Problem problem={again.error} />}
      {generating && <Progress item={item} />}
      {item.status === "failed" && item.error && <Failure item={item} />}
      <Result item={item} />
      {!generating && <Previews item={item} />}
      {!generating && <Variants item={item} />}
      <Clips item={item} />
    </article>
  );
}

/** Whether there is composed music that another version could have too. */
function canKeepMusic(item: Item): boolean {
  return item.musicUrl !== null && item.wishes.musicUrl === null && !item.wishes.keepMusic;
}

const STEPS = ["clip_analysis", "music_track", "edit_timeline", "rendered_video", "r2_object"];

function Progress({ item }: { item: Item }) {
  const cancel = useCancel(item.id);
  const at = item.progressStep ? STEPS.indexOf(item.progressStep) : -1;
  return (
    <section className="card stack making">
      {/* Each step is said once; all that changes on the way would drown it. */}
      <p className="heard" role="status">
        {item.progressStep ? words.steps[item.progressStep] : words.queued}
      </p>
      <div className="heading">
        <h2>{item.generatedMediaUrl ? words.makingAgain : words.making}</h2>
        <span className="figure">{words.percent(item.progressPercent)}</span>
      </div>
      <progress max={100} value={item.progressPercent} aria-label={words.making} />
      <ol className="steps">
        {STEPS.map((step, index) => (
          <li
            key={step}
            className={index < at ? "done" : index === at ? "now" : ""}
            aria-current={index === at ? "step" : undefined}
          >
            {words.steps[step]}
          </li>
        ))}
      </ol>
      <p className="muted detail">{item.progressDetail ?? (at < 0 ? words.queued : " ")}</p>
      {cancel.error && <Problem problem={cancel.error} />}
      <button
        type="button"
        className="button"
        disabled={cancel.isPending}
        onClick={() => cancel.mutate()}
      >
        {words.cancel}
      </button>
    </section>
  );
}

function Failure({ item }: { item: Item }) {
  const error = item.error!;
  if (isCanceled(item))
    return (
      <p className="notice" role="status">
        {item.generatedMediaUrl ? words.canceledKept : words.canceled}
      </p>
    );
  return (
    <section className="notice bad" role="alert">
      <h2>{words.failed}</h2>
      <p>{inWords(error.message)}</p>
      <p className="small">
        {words.attempts(error.attempts)} <code>{error.code}</code>
      </p>
    </section>
  );
}

/** The Reel with its edit, and that of a request which is planned and not rendered yet. */
function Result({ item }: { item: Item }) {
  const { requestId, reelRequestId, planRequestId } = item;
  const isPlanned = item.status === "generating" && planRequestId === requestId;
  const made = useArtefacts(item.id, reelRequestId);
  const planned = useArtefacts(item.id, isPlanned ? requestId : null);
  const edit = planned.data?.requestId === requestId ? planned.data.edit : null;
  return (
    <>
      {isPlanned && edit && (
        <section className="stack">
          <h2>{words.planned}</h2>
          <EditView edit={edit} timeSec={null} onSeek={() => {}} />
        </section>
      )}
      {made.isLoadingError && <Problem problem={made.error} onRetry={() => made.refetch()} />}
      {item.generatedMediaUrl && (
        <Made item={item} url={item.generatedMediaUrl} artefacts={made.data} />
      )}
    </>
  );
}

function Made({
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
  const edit = artefacts?.edit;
  const changeable = item.status !== "generating" && edit?.segments.some((one) => one.slip);

  return (
    <section className="made">
      <div className="stack">
        <Player
          url={isOther && showBefore ? before : url}
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

function EditView({
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

function Clips({ item }: { item: Item }) {
  if (item.clips.length === 0) return null;
  return (
    <section className="stack">
      <h2>{words.every}</h2>
      <ul className="plain accounted">
        {item.clips.map((clip, index) => (
          <li key={`${index} ${clip.url}`}>
            <span className={`swatch hue-${index % 8}`} aria-hidden="true" />
            <span className="name" dir="auto">
              {clip.name}
            </span>
            <span className="muted small">
              {clip.segments.length > 0
                ? words.shown(clip.segments.length)
                : `${words.notShown}: ${inWords(clip.reason ?? "")}`}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
