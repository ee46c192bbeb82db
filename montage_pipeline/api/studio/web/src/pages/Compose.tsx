import { useRef } from "react";
import { useLocation } from "wouter";
import { ApiProblem, type NewItem, type Options } from "../api/client";
import { useLastProblem, useMake, useOptions } from "../api/queries";
import type { Tray } from "../clips";
import { startingWith, useDraft, type Wanted } from "../draft";
import { usePageTitle } from "../page";
import { ClipTray } from "../parts/ClipTray";
import { Choice } from "../parts/Choice";
import { MusicPicker } from "../parts/MusicPicker";
import { Loading, Problem } from "../parts/Notice";
import { words } from "../strings";
import { musicTooShort, type Track } from "../track";

/** Asked for when somebody wants to see plans: as many as the server makes. */
const MAX_VARIANTS = 3;

export function Compose() {
  usePageTitle(words.make);
  const options = useOptions();
  const problem = useLastProblem(options);
  if (options.data) return <Form options={options.data} />;
  return problem ? <Problem problem={problem} onRetry={() => options.refetch()} /> : <Loading />;
}

function Form({ options }: { options: Options }) {
  const draft = useDraft();
  const { tray, track, change } = draft;
  const wanted = { ...startingWith(options), ...draft.wanted };
  const make = useMake();
  const [, go] = useLocation();

  // One click, however often it is sent: a new key only once the order has changed.
  const click = useRef({ body: "", key: "" });
  const sent = useRef<string[]>([]);
  const refused = clipProblems(make.error, sent.current);
  const missing = whatIsMissing(tray, track, wanted);
  const submit = () => {
    const body = orderOf(tray, wanted);
    const text = JSON.stringify(body);
    sent.current = body.clipUrls;
    if (click.current.body !== text) click.current = { body: text, key: crypto.randomUUID() };
    make.mutate(
      { body, click: click.current.key },
      {
        onSuccess: (accepted) => {
          draft.clear();
          go(`/items/${accepted.id}`);
        },
      },
    );
  };

  return (
    <form
      className="compose"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <h1>{words.make}</h1>
      <ClipTray tray={tray} limits={options.limits} problems={refused} />
      <aside className="stack">
        <Choices options={options} wanted={wanted} change={change} />
        <Choice
          legend={words.how}
          value={wanted.how}
          onChange={(how) => change({ how })}
          entries={Object.entries(words.hows).map(([value, [title, lead]]) => ({
            value,
            title,
            lead,
          }))}
        />
        <More options={options} wanted={wanted} change={change} track={track} />
        {make.error && <Refusal problem={make.error} clips={refused} tray={tray} />}
        <button className="button primary large" disabled={missing !== null || make.isPending}>
          {make.isPending ? words.starting : (words.hows[wanted.how]?.[0] ?? words.start)}
        </button>
        {missing && (
          <p className="muted small" role="status">
            {missing}
          </p>
        )}
      </aside>
    </form>
  );
}

/** Why nothing is made; what is said beside the clips is only pointed to, while they are there. */
function Refusal({
  problem,
  clips,
  tray,
}: {
  problem: Error;
  clips: Map<string, string>;
  tray: Tray;
}) {
  const fields = problem instanceof ApiProblem ? problem.fields : [];
  if (clips.size === 0 || clips.size < fields.length) return <Problem problem={problem} />;
  const left = tray.clips.filter((clip) => clips.has(clip.url ?? "")).length;
  return left > 0 ? (
    <p className="notice bad" role="alert">
      {words.clipsRefused(left)}
    </p>
  ) : null;
}

interface PartProps {
  options: Options;
  wanted: Wanted;
  change: (changed: Partial<Wanted>) => void;
}

function Choices({ options, wanted, change }: PartProps) {
  const { minDurationSec, maxDurationSec } = options.limits;
  return (
    <>
      <Choice
        legend={words.style}
        value={wanted.style}
        onChange={(style) => change({ style })}
        entries={options.styles.map((style) => ({ value: style.name, title: style.name, lead: style.brief }))}
      />
      <Choice
        legend={words.format}
        value={wanted.format}
        onChange={(format) => change({ format })}
        entries={options.formats.map((format) => ({
          value: format.name,
          title: words.formats[format.name] ?? format.name,
          ratio: format.width / format.height,
        }))}
      />
      {/* An <output> inside the label would be what it labels. */}
      <div className="field">
        <span>
          <label htmlFor="duration">{words.duration}</label>
          <output htmlFor="duration">{words.wholeSeconds(wanted.durationSec)}</output>
        </span>
        <input
          id="duration"
          type="range"
          min={minDurationSec}
          max={maxDurationSec}
          value={wanted.durationSec}
          onChange={(event) => change({ durationSec: Number(event.target.value) })}
        />
      </div>
    </>
  );
}

function More({ options, wanted, change, track }: PartProps & { track: Track }) {
  const { maxTitleChars, maxCaptionChars, maxPromptChars } = options.limits;
  return (
    <details className="more">
      <summary>{words.more}</summary>
      <div className="stack">
        <label className="field">
          <span>{words.title}</span>
          <input
            value={wanted.title}
            maxLength={maxTitleChars}
            onChange={(event) => change({ title: event.target.value })}
          />
        </label>
        <label className="field">
          <span>{words.caption}</span>
          <input
            value={wanted.captions}
            maxLength={maxCaptionChars}
            onChange={(event) => change({ captions: event.target.value })}
          />
        </label>
        <label className="field">
          <span>{words.prompt}</span>
          <textarea
            rows={2}
            value={wanted.prompt}
            maxLength={maxPromptChars}
            onChange={(event) => change({ prompt: event.target.value })}
          />
          <small className="muted">{words.promptHint}</small>
        </label>
        <MusicPicker
          label={words.music}
          chosen={wanted.music?.name ?? null}
          none={words.musicNone}
          track={track}
          maxBytes={options.limits.maxMusicBytes}
          onRemove={() => change({ music: null })}
        />
        <label className="check">
          <input
            type="checkbox"
            checked={wanted.matched}
            onChange={(event) => change({ matched: event.target.checked })}
          />
          <span>{words.colours}</span>
        </label>
        <label className="check">
          <input
            type="checkbox"
            checked={wanted.shortCuts}
            onChange={(event) => change({ shortCuts: event.target.checked })}
          />
          <span>{words.shortCuts}</span>
        </label>
        <OtherFormats options={options} wanted={wanted} change={change} />
      </div>
    </details>
  );
}

function OtherFormats({ options, wanted, change }: PartProps) {
  const others = options.formats.filter((format) => format.name !== wanted.format);
  return (
    <fieldset className="row plain">
      <legend>{words.otherFormats}</legend>
      {others.map(({ name }) => (
        <label className="check" key={name}>
          <input
            type="checkbox"
            checked={wanted.formats.includes(name)}
            onChange={(event) =>
              change({
                formats: event.target.checked
                  ? [...wanted.formats, name]
                  : wanted.formats.filter((one) => one !== name),
              })
            }
          />
          <span>{words.formats[name] ?? name}</span>
        </label>
      ))}
    </fieldset>
  );
}

function whatIsMissing(tray: Tray, track: Track, wanted: Wanted): string | null {
  if (tray.clips.length === 0) return words.needClips;
  if (tray.clips.every((clip) => clip.mark === "never")) return words.needShown;
  if (!tray.clips.every((clip) => clip.url)) return words.needUploads;
  if (track.share !== null) return words.needMusic;
  return musicTooShort(wanted.music, wanted.durationSec);
}

function orderOf(tray: Tray, wanted: Wanted): NewItem {
  const marked = (mark: string) =>
    tray.clips.filter((clip) => clip.mark === mark).map((clip) => clip.url as string);
  return {
    type: "reel",
    clipUrls: tray.clips.map((clip) => clip.url as string),
    style: wanted.style as NewItem["style"],
    format: wanted.format as NewItem["format"],
    durationSec: wanted.durationSec,
    mustUse: marked("must"),
    exclude: marked("never"),
    look: wanted.matched ? "matched" : "asShot",
    shortCuts: wanted.shortCuts,
    keepMusic: false,
    variants: wanted.how === "plans" ? MAX_VARIANTS : 1,
    planOnly: wanted.how === "plans",
    preview: wanted.how === "preview",
    formats: wanted.formats.filter((name) => name !== wanted.format) as NewItem["format"][],
    ...(wanted.title.trim() && { title: wanted.title.trim() }),
    ...(wanted.captions.trim() && { captions: wanted.captions.trim() }),
    ...(wanted.prompt.trim() && { prompt: wanted.prompt.trim() }),
    ...(wanted.music && { musicUrl: wanted.music.url }),
    ...(marked("hook")[0] && { hookClip: marked("hook")[0] }),
  };
}

/** What a refusal says of single clips, by their address: `clipUrls.3` names the fourth sent. */
function clipProblems(problem: Error | null, sent: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  if (!(problem instanceof ApiProblem)) return found;
  for (const { field, message } of problem.fields) {
    const index = /^clipUrls[.[](\d+)/.exec(field)?.[1];
    const url = index === undefined ? undefined : sent[Number(index)];
    if (url) found.set(url, message);
  }
  return found;
}
