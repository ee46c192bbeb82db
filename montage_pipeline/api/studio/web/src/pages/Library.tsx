import { useState } from "react";
import { Link } from "wouter";
import { useLibrary } from "../api/queries";
import { isPassing, type Item } from "../api/client";
import { Loading, Problem } from "../parts/Notice";
import { Mark } from "../parts/Frame";
import { nameOf } from "../names";
import { words } from "../strings";

export function Library() {
  const library = useLibrary();
  const [text, setText] = useState("");

  if (library.isPending) return <Loading />;
  if (library.isLoadingError || (library.isError && !isPassing(library.error)))
    return <Problem problem={library.error} onRetry={() => library.refetch()} />;
  if (library.data.items.length === 0) return <Empty />;

  const wanted = text.trim().toLowerCase();
  const items = library.data.items.filter((item) => nameOf(item).toLowerCase().includes(wanted));
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
      {items.length === 0 && <p className="muted">{words.nothingFound(text)}</p>}
      <ul className="grid">
        {items.map((item) => (
          <li key={item.id}>
            <Card item={item} />
          </li>
        ))}
      </ul>
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
      <span className="name">{nameOf(item)}</span>
      <span className="muted small">
        <span className={`dot ${shown}`} aria-hidden="true" />
        {state} · {words.wholeSeconds(item.durationSec)} · {item.style}
      </span>
    </Link>
  );
}

/** The state of an item; what waits for its person to choose is not ready yet. */
function shownState(item: Item): string {
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
