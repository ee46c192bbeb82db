import { useRef, useState } from "react";
import type { Item } from "../api/client";
import { useOptions, useRename } from "../api/queries";
import { nameOf } from "../names";
import { words } from "../strings";
import { Problem } from "./Notice";

/** The name of a Reel, and a way to change it. */
export function Title({ item }: { item: Item }) {
  const rename = useRename(item.id);
  const maxLength = useOptions().data?.limits.maxTitleChars;
  const [text, setText] = useState<string | null>(null);
  const renamed = useRef(false);
  const end = () => {
    renamed.current = true;
    setText(null);
  };
  if (text === null) {
    return (
      <div className="row title-row">
        <h1 dir="auto">{nameOf(item)}</h1>
        <button
          type="button"
          className="button quiet"
          // Whoever leaves the field goes on where it was opened.
          autoFocus={renamed.current}
          onClick={() => setText(item.title ?? "")}
        >
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
        rename.mutate(text, { onSuccess: end });
      }}
    >
      <input
        className="grow"
        aria-label={words.title}
        autoFocus
        dir="auto"
        maxLength={maxLength}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => event.key === "Escape" && end()}
      />
      <button className="button primary" disabled={rename.isPending}>
        {words.save}
      </button>
      <button type="button" className="button quiet" onClick={end}>
        {words.cancelEdit}
      </button>
      {rename.error && <Problem problem={rename.error} />}
    </form>
  );
}
