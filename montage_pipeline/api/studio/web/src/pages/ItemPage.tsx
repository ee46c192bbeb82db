import { Link } from "wouter";
import { ApiProblem, isCanceled, isPassing, type Item, type Wishes } from "../api/client";
import { useArtefacts, useCancel, useItem, useLastProblem, useMakeAgain } from "../api/queries";
import { useWatched } from "../api/watch";
import { nameOf } from "../names";
import { usePageTitle } from "../page";
import { BeginWith } from "../parts/BeginWith";
import { Confirm } from "../parts/Confirm";
import { Delete } from "../parts/Delete";
import { EditView } from "../parts/EditView";
import { Made } from "../parts/Made";
import { Loading, Nothing, Problem } from "../parts/Notice";
import { Previews } from "../parts/Renditions";
import { Title } from "../parts/Title";
import { Variants } from "../parts/Variants";
import { inWords, words } from "../strings";

export function ItemPage({ id }: { id: string }) {
  const item = useItem(id);
  useWatched(id, item.data?.status === "generating");
  const problem = useLastProblem(item);
  const isGone = problem instanceof ApiProblem && [404, 422].includes(problem.status);
  const nothing = isGone ? words.noReel : words.loading;
  usePageTitle(item.data && !isGone ? titleOf(item.data) : nothing);
  if (isGone) return <Nothing title={words.noReel} lead={words.noReelLead} />;
  if (problem && (!item.data || !isPassing(problem)))
    return <Problem problem={problem} onRetry={() => item.refetch()} />;
  return item.data ? <Reel item={item.data} /> : <Loading />;
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
            <BeginWith item={item} className="button" label={words.beginWith} />
            <Again item={item} again={again} />
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

/** What is asked for once more; a Reel that is there gives its place, so it is asked about. */
function Again({ item, again }: { item: Item; again: ReturnType<typeof useMakeAgain> }) {
  if (!item.generatedMediaUrl)
    return (
      <button
        type="button"
        className="button"
        disabled={again.isPending}
        onClick={() => again.mutate(undefined)}
      >
        {item.status === "failed" ? words.retry : words.againPlanned}
      </button>
    );
  const ask = (wishes?: Wishes) => (close: () => void) =>
    again.mutate(wishes, { onSettled: close });
  const kept = { ...item.wishes, targetBpm: null, keepMusic: true };
  const shared = { className: "button", sure: words.againSure, busy: again.isPending };
  return (
    <>
      <Confirm {...shared} label={words.again} yes={words.againYes} onYes={ask()} />
      {canKeepMusic(item) && (
        <Confirm {...shared} label={words.againSameMusic} yes={words.againYes} onYes={ask(kept)} />
      )}
    </>
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
        <h2>{makingOf(item)}</h2>
        <span className="figure">{words.percent(item.progressPercent)}</span>
      </div>
      <progress max={100} value={item.progressPercent} aria-label={makingOf(item)} />
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

function makingOf({ wishes, generatedMediaUrl }: Item): string {
  if (wishes.planOnly) return words.makingPlans;
  if (wishes.preview) return words.makingPreview;
  return generatedMediaUrl ? words.makingAgain : words.making;
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
      <h2>{item.generatedMediaUrl ? words.failedKept : words.failed}</h2>
      <p>{inWords(error.message)}</p>
      <p className="small">
        {words.attempts(error.attempts)} <code>{error.code}</code>
      </p>
      {!item.generatedMediaUrl && (
        <BeginWith item={item} className="button primary" label={words.changeWishes} />
      )}
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
