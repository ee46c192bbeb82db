import { useRef, useState } from "react";
import { ApiProblem, type Change, type Edit, type Item } from "../api/client";
import { useChangeOutcome, useChangeSegments, useItem, useOptions } from "../api/queries";
import { nearestOf, refusedAt, shownOf, withChange, type Shown } from "../changes";
import { frameAt } from "../frames";
import { words } from "../strings";
import { type Music, musicTooShort, useTrack } from "../track";
import { useUnmade } from "../unmade";
import { Alternatives } from "./Alternatives";
import { CropFrame } from "./CropFrame";
import { MusicPicker } from "./MusicPicker";
import { Problem } from "./Notice";
import { Scores } from "./Scores";
import { Strip } from "./Strip";
import { Tools } from "./Tools";

/** The edit, changed segment by segment: what it comes to is shown before it is carried out. */
export function Editor({
  item,
  edit,
  requestId,
  timeSec,
  onSeek,
  onMade,
}: {
  item: Item;
  edit: Edit;
  requestId: string;
  timeSec: number;
  onSeek: (seconds: number) => void;
  onMade: () => void;
}) {
  const { changes, change: setChanges, send } = useUnmade(item.id, requestId);
  const [chosen, setChosen] = useState<number | null>(null);
  const preview = useChangeOutcome(item.id, requestId, changes);
  const carryOut = useChangeSegments(item.id);
  const newest = useItem(item.id);
  const click = useRef<string>(undefined);
  const strip = useRef<HTMLDivElement>(null);
  const options = useOptions();
  const [own, setTrack] = useState<Music | null>(null);
  const music = changes.findLast((one) => one.kind === "music");
  const isOwn = music?.url !== undefined && music.url === own?.url;
  const chosenMusic = music ? (music.url ? (own?.name ?? words.music) : words.musicNew) : null;
  const tooShort = isOwn ? musicTooShort(own, edit.durationSec) : null;
  const refused = preview.error instanceof ApiProblem ? preview.error : null;
  // The last list that was not refused.
  const accepted = useRef<Change[]>([]);
  const isAccepted = preview.isSuccess && !preview.isPlaceholderData;
  if (isAccepted || changes.length === 0) accepted.current = changes;
  const outcome = changes.length > 0 ? preview.data : undefined;
  const shown = shownOf(edit, changes, outcome);
  const playing = edit.segments.findLastIndex((one) => frameAt(one.reelSec) <= frameAt(timeSec));
  const current = chosen ?? Math.max(0, playing);
  const at = shown.find((one) => one.segment.number === current) ?? shown[0]!;

  const change = (one: Change) => {
    click.current = undefined;
    setChosen(one.kind === "music" ? current : (one.segment ?? 0));
    setChanges(withChange(refused ? allowed(refused) : changes, one));
  };
  // What was refused is not carried out: the next change takes its place.
  const allowed = ({ details }: ApiProblem): Change[] => {
    const number = refusedAt(changes, details);
    return accepted.current.length >= number ? accepted.current : changes.slice(0, number);
  };
  // With the last change its buttons go; whoever pressed one goes on at the segment.
  const become = (left: Change[]) => {
    click.current = undefined;
    setChanges(left);
    if (left.length === 0) strip.current?.querySelector<HTMLElement>("[aria-current=true]")?.focus();
  };
  const make = async () => {
    // Somebody may have changed it in another window: their work is not undone unseen.
    const { data } = await newest.refetch();
    if (data && data.reelRequestId !== requestId) return;
    // The same click again, should its answer have been lost.
    click.current ??= crypto.randomUUID();
    const body = { baseRequestId: requestId, changes };
    const onSuccess = () => {
      send();
      onMade();
    };
    carryOut.mutate({ body, click: click.current }, { onSuccess });
  };
  const undo = () => become(refused ? allowed(refused) : changes.slice(0, -1));
  const track = useTrack((taken) => {
    setTrack(taken);
    change({ kind: "music", url: taken.url });
  });
  const withoutMusic = () => become(changes.filter((one) => one.kind !== "music"));
  const choose = (one: Shown) => {
    setChosen(one.segment.number);
    onSeek(one.segment.reelSec);
  };

  return (
    <div className="stack" ref={strip}>
      <Strip
        edit={edit}
        shown={shown}
        timeSec={timeSec}
        current={current}
        onChoose={choose}
        onChange={change}
        onUndo={changes.length > 0 ? undo : undefined}
      />
      <p className="keys muted small">{words.keys}</p>
      <div className="segment">
        <CropFrame edit={edit} at={at} changes={changes} onChange={change} />
        <div className="stack">
          <Said edit={edit} at={at} />
          <Tools edit={edit} at={at} changes={changes} onChange={change} />
          {/* Below the tools: it gets longer and shorter with what they do. */}
          <p className="small">{at.rendered ? words.willRender(at.rendered) : at.segment.why}</p>
        </div>
      </div>
      <Alternatives segment={at.segment} locked={at.locked} edit={edit} onChange={change} />
      {options.data && (
        <MusicPicker
          label={words.musicUnder}
          chosen={chosenMusic}
          track={track}
          none={words.beats(edit.music.bpm, edit.music.composer)}
          maxBytes={options.data.limits.maxMusicBytes}
          onRemove={withoutMusic}
          onCompose={() => change({ kind: "music" })}
        />
      )}
      {carryOut.error && <Problem problem={carryOut.error} />}
      <Pending
        outcome={outcome}
        refused={refused}
        changes={changes}
        edit={edit}
        total={edit.segments.length}
        busy={carryOut.isPending || preview.isFetching || track.share !== null || tooShort !== null}
        waitsFor={track.share === null ? tooShort : words.needMusic}
        onInstead={(number, one) => setChanges(changes.with(number, one))}
        onUndo={undo}
        onDiscard={() => become([])}
        onMake={() => void make()}
      />
    </div>
  );
}

function Said({ edit, at }: { edit: Edit; at: Shown }) {
  const role = words.roles[at.segment.role];
  return (
    <div>
      <strong>
        {at.place + 1}. <bdi>{at.name}</bdi>
      </strong>
      <p className="muted small">
        {words.seconds(at.startSec)} – {words.seconds(at.endSec)}
        {role && ` · ${role}`}
      </p>
      <Scores edit={edit} clip={at.clip} moment={at.moment} />
    </div>
  );
}

function Pending({
  outcome,
  refused,
  changes,
  edit,
  total,
  busy,
  waitsFor,
  onInstead,
  onUndo,
  onDiscard,
  onMake,
}: {
  outcome:
    | { rendered: number; costUsd: string; onBeatBefore: number; onBeatAfter: number }
    | undefined;
  refused: ApiProblem | null;
  changes: readonly Change[];
  edit: Edit;
  total: number;
  busy: boolean;
  waitsFor: string | null;
  onInstead: (number: number, change: Change) => void;
  onUndo: () => void;
  onDiscard: () => void;
  onMake: () => void;
}) {
  if (changes.length === 0) return null;
  const number = refused ? refusedAt(changes, refused.details) : 0;
  return (
    <section className={`card stack pending ${refused ? "bad" : ""}`} aria-label={words.pending}>
      {refused ? (
        <p role="alert">{refused.message}</p>
      ) : (
        outcome && (
          <p role="status">
            <strong>{words.willBeRendered(outcome.rendered, total)}</strong>{" "}
            <span className="muted">
              {Number(outcome.costUsd) > 0
                ? words.willBeBought(outcome.costUsd)
                : words.nothingBought}
            </span>
            {outcome.onBeatAfter !== outcome.onBeatBefore && (
              <span> {words.onBeat(outcome.onBeatAfter, total - 1)}</span>
            )}
          </p>
        )
      )}
      {waitsFor && <p className="muted small">{waitsFor}</p>}
      <div className="row">
        {refused ? (
          nearestOf(changes[number]!, refused.details).map((one) => (
            <button
              key={JSON.stringify(one)}
              type="button"
              className="button"
              onClick={() => onInstead(number, one)}
            >
              {words.instead(one, whatOf(edit, one))}
            </button>
          ))
        ) : (
          <button type="button" className="button primary" disabled={busy} onClick={onMake}>
            {words.carryOut}
          </button>
        )}
        <button type="button" className="button" onClick={onUndo}>
          {words.undo}
        </button>
        <button type="button" className="button" onClick={onDiscard}>
          {words.discard}
        </button>
      </div>
    </section>
  );
}

/** What an alternative is, for whoever does not know its id. */
function whatOf(edit: Edit, change: Change): string {
  if (change.kind !== "replace") return "";
  const offered = edit.segments[change.segment]?.alternatives ?? [];
  const found = offered.find((one) => one.id === change.alternative);
  if (!found) return "";
  const from = `${words.seconds(found.startSec)} – ${words.seconds(found.endSec)}`;
  return `${edit.clips[found.clip]?.name ?? ""} ${from}`;
}
