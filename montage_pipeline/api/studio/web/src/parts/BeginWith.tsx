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
  const begin = () => {
    beginWith(item);
    go("/new");
  };
  if (tray.clips.length > 0)
    return (
      <Confirm
        label={label}
        className={className}
        sure={words.beginSure}
        yes={words.beginYes}
        busy={false}
        onYes={begin}
      />
    );
  return (
    <button type="button" className={className} onClick={begin}>
      {label}
    </button>
  );
}
