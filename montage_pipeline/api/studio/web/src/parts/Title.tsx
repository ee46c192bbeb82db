import { useState } from "react";
import type { Item } from "../api/client";
import { useRename } from "../api/queries";
import { nameOf } from "../names";
import { words } from "../strings";
import { Problem } from "./Notice";

/** The name of a Reel, and a way to change it. */
export function Title({ item }: { item: Item }) {
  const rename = useRename(item.id);
  const [text, setText] = useState<string | null>(null);
  if (text === null) {
    return (
      <div className="row title-row">
        <h1>{nameOf(item)}</h1>
        <button type="button" className="button quiet" onClick={() => setText(item.title ?? "")}>
          {words.rename}
        </button>
      </div>
    );
  }
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        rename.mutate(text, { onSuccess: () => setText(null) });
      }}
    >
      <input
        className="grow"
        aria-label={words.title}
        autoFocus
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <button className="button primary" disabled={rename.isPending}>
        {words.save}
      </button>
      <button type="button" className="button quiet" onClick={() => setText(null)}>
        {words.cancelEdit}
      </button>
      {rename.error && <Problem problem={rename.error} />}
    </form>
  );
}
