import { useRef, useState } from "react";
import { ApiProblem, type Change, type Edit, type Item } from "../api/client";
import { useChangeOutcome, useChangeSegments, useOptions } from "../api/queries";
import { nearestOf, shownOf, withChange, type Shown } from "../changes";
import { frameAt } from "../frames";
import { words } from "../strings";
import { useTrack } from "../track";
import { Alternatives } from "./Alternatives";
import { CropFrame } from "./CropFrame";
import { MusicPicker } from "./MusicPicker";
import { Problem } from "./Notice";
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
  const [changes, setChanges] = useState<Change[]>([]);
  const [chosen, setChosen] = useState<number | null>(null);
  const preview = useChangeOutcome(item.id, requestId, changes);
  const carryOut = useChangeSegments(item.id);
  const click = useRef<string>(undefined);
  const strip = useRef<HTMLDivElement>(null);
  const options = useOptions();
  const [named, setTrack] = useState("");
  const music = changes.findLast((one) => one.kind === "music");
  const chosenMusic = music ? (music.url ? named : words.musicNew) : null;
  const refused = preview.error instanceof ApiProblem ? preview.error : null;
  const outcome = changes.length > 0 ? preview.data : undefined;
  const shown = shownOf(edit, changes, outcome);
  const playing = edit.segments.findLastIndex((one) => frameAt(one.reelSec) <= frameAt(timeSec));
  const current = chosen ?? Math.max(0, playing);
  const at = shown.find((one) => one.segment.number === current) ?? shown[0]!;

  const change = (one: Change) => {
    click.current = undefined;
    setChosen(one.kind === "music" ? current : (one.segment ?? 0));
    // What was refused is not carried out: the next change takes its place.
    setChanges(withChange(refused ? changes.slice(0, -1) : changes, one));
  };
  // With the last change its buttons go; whoever pressed one goes on at the segment.
  const become = (left: Change[]) => {
    click.current = undefined;
    setChanges(left);
    if (left.length === 0) strip.current?.querySelector<HTMLElement>("[aria-current=true]")?.focus();
  };
  const undo = () => become(changes.slice(0, -1));
  const track = useTrack(({ name, url }) => {
    setTrack(name);
    change({ kind: "music", url });
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
      <Pending
        outcome={outcome}
        refused={refused}
        last={changes.at(-1)}
        edit={edit}
        total={edit.segments.length}
        busy={carryOut.isPending || preview.isFetching || track.share !== null}
        waitsFor={track.share === null ? null : words.needMusic}
        onInstead={(one) => setChanges([...changes.slice(0, -1), one])}
        onUndo={undo}
        onDiscard={() => become([])}
        onMake={() => {
          // The same click again, should its answer have been lost.
          click.current ??= crypto.randomUUID();
          const body = { baseRequestId: requestId, changes };
          carryOut.mutate({ body, click: click.current }, { onSuccess: onMade });
        }}
      />
      {carryOut.error && <Problem problem={carryOut.error} />}
      <div className="segment">
        <CropFrame edit={edit} at={at} changes={changes} onChange={change} />
        <div className="stack">
          <Said at={at} />
          <Tools edit={edit} at={at} onChange={change} />
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
    </div>
  );
}

function Said({ at }: { at: Shown }) {
  const role = words.roles[at.segment.role];
  return (
    <div>
      <strong>
        {at.place + 1}. <bdi>{at.name}</bdi>
      </strong>
      <p className="muted small">
        {words.seconds(at.startSec)} – {words.seconds(at.endSec)}
        {role && ` · ${role}`} · {words.score(at.segment.score)}
      </p>
      <p className="small">{at.rendered ? words.willRender(at.rendered) : at.segment.why}</p>
    </div>
  );
}

function Pending({
  outcome,
  refused,
  last,
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
  last: Change | undefined;
  edit: Edit;
  total: number;
  busy: boolean;
  waitsFor: string | null;
  onInstead: (change: Change) => void;
  onUndo: () => void;
  onDiscard: () => void;
  onMake: () => void;
}) {
  if (!last) return null;
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
          nearestOf(last, refused.details).map((one) => (
            <button
              key={JSON.stringify(one)}
              type="button"
              className="button"
              onClick={() => onInstead(one)}
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
