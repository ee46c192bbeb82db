import { useRef, useState } from "react";
import { Link } from "wouter";
import type { Item } from "../api/client";
import { useCosts, useItem, useMakeAgain, useOptions } from "../api/queries";
import { Loading, Problem } from "../parts/Notice";
import { Player } from "../parts/Player";
import { Strip } from "../parts/Strip";
import { segmentAt, segmentsOf } from "../segments";
import { words } from "../strings";
import { nameOf } from "./Library";

export function ItemPage({ id }: { id: string }) {
  const item = useItem(id);
  if (item.isPending) return <Loading />;
  if (item.isError) return <Problem problem={item.error} onRetry={() => item.refetch()} />;
  return <Reel item={item.data} />;
}

function Reel({ item }: { item: Item }) {
  const again = useMakeAgain(item.id);
  return (
    <article className="stack">
      <div className="heading">
        <div>
          <Link href="/" className="muted small">
            {words.back}
          </Link>
          <h1>{nameOf(item)}</h1>
        </div>
        {item.status !== "generating" && (
          <button
            className="button"
            disabled={again.isPending}
            onClick={() => again.mutate(crypto.randomUUID())}
          >
            {words.again}
          </button>
        )}
      </div>
      {again.error && <Problem problem={again.error} />}
      {item.status === "generating" && <Progress item={item} />}
      {item.status === "failed" && item.error && <Failure item={item} />}
      {item.generatedMediaUrl && <Made item={item} url={item.generatedMediaUrl} />}
      <Clips item={item} />
    </article>
  );
}

const STEPS = ["clip_analysis", "music_track", "edit_timeline", "rendered_video", "r2_object"];

function Progress({ item }: { item: Item }) {
  const at = item.progressStep ? STEPS.indexOf(item.progressStep) : -1;
  return (
    <section className="card stack making" aria-live="polite">
      <div className="heading">
        <h2>{item.generatedMediaUrl ? words.makingAgain : words.making}</h2>
        <output className="figure">{words.percent(item.progressPercent)}</output>
      </div>
      <progress max={100} value={item.progressPercent} aria-label={words.making} />
      <ol className="steps">
        {STEPS.map((step, index) => (
          <li key={step} className={index < at ? "done" : index === at ? "now" : ""}>
            {words.steps[step]}
          </li>
        ))}
      </ol>
      <p className="muted">{item.progressDetail ?? (at < 0 ? words.queued : " ")}</p>
    </section>
  );
}

function Failure({ item }: { item: Item }) {
  const error = item.error!;
  return (
    <section className="notice bad" role="alert">
      <h2>{words.failed}</h2>
      <p>{error.message}</p>
      <p className="small">
        {words.attempts(error.attempts)} <code>{error.code}</code>
      </p>
    </section>
  );
}

function Made({ item, url }: { item: Item; url: string }) {
  const options = useOptions();
  const video = useRef<HTMLVideoElement>(null);
  const [timeSec, setTimeSec] = useState(0);
  const segments = segmentsOf(item);
  const current = segmentAt(segments, timeSec);
  const shown = segments[current];
  const format = options.data?.formats.find((format) => format.name === item.format);

  return (
    <section className="made">
      <Player
        url={url}
        poster={item.posterUrl}
        title={nameOf(item)}
        format={format}
        video={video}
        onTime={setTimeSec}
      />
      <div className="stack">
        <h2>{words.edit}</h2>
        <p className="muted">{words.editLead}</p>
        <Strip
          segments={segments}
          current={current}
          onChoose={(segment) => {
            if (video.current) video.current.currentTime = segment.reelSec;
          }}
        />
        {shown && (
          <p className="small" aria-live="polite">
            {words.segment(current + 1, shown.name, shown.startSec, shown.endSec)}
          </p>
        )}
        <a className="button primary" href={url} download>
          {words.download}
        </a>
        <Originality item={item} />
        <Warnings item={item} />
        <Costs />
      </div>
    </section>
  );
}

function Originality({ item }: { item: Item }) {
  if (!item.originality) return null;
  return (
    <section>
      <h2 className="heading">
        {words.originality}
        <output className="figure">{words.percent(Math.round(item.originality.score * 100))}</output>
      </h2>
      <dl className="parts">
        {item.originality.parts.map((part) => (
          <div key={part.name}>
            <dt>
              {part.name} <meter value={part.score} aria-label={part.name} />
            </dt>
            <dd className="muted small">{part.note}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
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
          <li key={line}>{line}</li>
        ))}
      </ul>
    </details>
  );
}

function Costs() {
  const costs = useCosts();
  if (!costs.data) return null;
  const services = Object.entries(costs.data.byService);
  return (
    <details className="more">
      <summary>{words.costs}</summary>
      {services.length === 0 ? (
        <p className="muted small">{words.costNone}</p>
      ) : (
        <dl className="parts small">
          {services.map(([service, amount]) => (
            <div key={service} className="row">
              <dt className="grow">{service}</dt>
              <dd>{amount} USD</dd>
            </div>
          ))}
          <div className="row">
            <dt className="grow">{words.costTotal}</dt>
            <dd>{costs.data.totalUsd} USD</dd>
          </div>
        </dl>
      )}
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
          <li key={clip.url}>
            <span className={`swatch hue-${index % 8}`} aria-hidden="true" />
            <span className="name">{clip.name}</span>
            <span className="muted small">
              {clip.segments.length > 0
                ? words.shown(clip.segments.length)
                : `${words.notShown}: ${clip.reason ?? ""}`}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
