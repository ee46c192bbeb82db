import { useLocation } from "wouter";
import type { Item } from "../api/client";
import { useDraft } from "../draft";
import { words } from "../strings";
import { Confirm } from "./Confirm";

/** Puts a new Reel together that has the clips and wishes of this one, to be changed. */
export function BeginWith({
  item,
  className,
  label,
}: {
  item: Item;
  className: string;
  label: string;
}) {
  const { tray, beginWith } = useDraft();
  const [, go] = useLocation();
  return (
    <Confirm
      label={label}
      className={className}
      sure={tray.clips.length > 0 ? words.beginSure : null}
      yes={words.beginYes}
      busy={false}
      onYes={() => {
        beginWith(item);
        go("/new");
      }}
    />
  );
}
