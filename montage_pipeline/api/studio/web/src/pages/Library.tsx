import { useEffect, useState } from "react";
import { Link } from "wouter";
import { useLastProblem, useLibrary } from "../api/queries";
import { isCanceled, isPassing, type Item } from "../api/client";
import { Loading, Problem } from "../parts/Notice";
import { Mark } from "../parts/Frame";
import { nameOf } from "../names";
import { usePageTitle } from "../page";
import { words } from "../strings";

export function Library() {
  usePageTitle(words.library);
  const library = useLibrary();
  const [text, setText] = useState("");
  const wanted = text.trim().toLowerCase();
  const { hasNextPage, isFetching, isError, fetchNextPage } = library;
  // Names are made here, of style and day where there is no title: so all are looked through here.
  const searching = wanted !== "" && hasNextPage && !isError;
  useEffect(() => {
    if (searching && !isFetching) void fetchNextPage();
  }, [searching, isFetching, fetchNextPage]);

  const problem = useLastProblem(library);
  if (problem && (!library.data || !isPassing(problem)))
    return <Problem problem={problem} onRetry={() => library.refetch()} />;
  if (!library.data) return <Loading />;
  const all = library.data.pages.flatMap((page) => page.items);
  if (all.length === 0) return <Empty />;

  const items = all.filter((item) => saidOf(item).toLowerCase().includes(wanted));
  return (
    <section className="stack">
      <div className="heading">
        <h1>{words.library}</h1>
        <input
          type="search"
          className="search"
          aria-label={words.search}
          placeholder={words.search}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </div>
      {items.length === 0 && !searching && (
        <p className="muted" role="status">
          {words.nothingFound(text)}
        </p>
      )}
      <ul className="grid">
        {items.map((item) => (
          <li key={item.id}>
            <Card item={item} />
          </li>
        ))}
      </ul>
      {searching && <Loading />}
      {hasNextPage && !searching && (
        <p className="row center">
          <button
            type="button"
            className="button"
            disabled={isFetching}
            onClick={() => void fetchNextPage()}
          >
            {words.showMore}
          </button>
        </p>
      )}
    </section>
  );
}

function Card({ item }: { item: Item }) {
  const shown = shownState(item);
  const state = words.states[shown] ?? shown;
  const preview = item.renditions.find((file) => file.preview && file.posterUrl);
  const poster = item.posterUrl ?? preview?.posterUrl;
  return (
    <Link href={`/items/${item.id}`} className="poster">
      <span className="picture">
        {poster ? <img src={poster} alt="" loading="lazy" /> : <Mark />}
        {item.status === "generating" && (
          <progress max={100} value={item.progressPercent} aria-label={state} />
        )}
      </span>
      <span className="name" dir="auto" title={nameOf(item)}>
        {nameOf(item)}
      </span>
      <span className="muted small">
        <span className={`dot ${shown}`} aria-hidden="true" />
        {state} · {words.wholeSeconds(item.durationSec)} · {item.style}
      </span>
    </Link>
  );
}

/** All that its card says in words, which is what is searched. */
function saidOf(item: Item): string {
  return [nameOf(item), words.states[shownState(item)], item.style].join(" ");
}

/** The state of an item; what waits for its person to choose is not ready yet. */
function shownState(item: Item): string {
  if (isCanceled(item)) return item.generatedMediaUrl ? "draft" : "canceled";
  if (item.status === "failed" && item.generatedMediaUrl) return "kept";
  if (item.status !== "draft" || item.generatedMediaUrl) return item.status;
  return item.renditions.length > 0 ? "previewed" : "planned";
}

function Empty() {
  return (
    <section className="empty">
      <h1>{words.emptyTitle}</h1>
      <p className="muted">{words.emptyLead}</p>
      <Link href="/new" className="button primary">
        {words.emptyAction}
      </Link>
    </section>
  );
}
