import { createContext, type ReactNode, useContext, useState } from "react";
import type { Change } from "./api/client";
import { useWarning } from "./warning";

/** Changes of a Reel that are put together, of the edit that one request made. */
interface Unmade {
  requestId: string;
  changes: Change[];
  /** Whether they were sent: then only a failure brings them back. */
  sent: boolean;
}

interface Kept {
  any: boolean;
  of: (itemId: string) => Unmade | undefined;
  keep: (itemId: string, unmade: Unmade | undefined) => void;
}

const UnmadeContext = createContext<Kept | null>(null);

/** Keeps changes that are not made yet on every page, and when making them fails. */
export function UnmadeProvider({ children }: { children: ReactNode }) {
  const [all, setAll] = useState<ReadonlyMap<string, Unmade>>(new Map());
  const keep: Kept["keep"] = (itemId, unmade) =>
    setAll((before) => {
      const after = new Map(before);
      if (unmade && unmade.changes.length > 0) after.set(itemId, unmade);
      else after.delete(itemId);
      return after;
    });
  const any = [...all.values()].some((unmade) => !unmade.sent);
  useWarning(any);
  const kept = { any, of: (itemId: string) => all.get(itemId), keep };
  return <UnmadeContext value={kept}>{children}</UnmadeContext>;
}

/** The changes of this edit, and how they become others, are sent, or are given up. */
export function useUnmade(itemId: string, requestId: string) {
  const { of, keep } = useContext(UnmadeContext)!;
  const found = of(itemId);
  const isOfThis = found?.requestId === requestId;
  const changes = isOfThis ? found.changes : NONE;
  return {
    changes,
    /** How many there are of an edit that is not the newest any more: somebody else changed it. */
    outdated: !found || isOfThis || found.sent ? 0 : found.changes.length,
    change: (after: Change[]) => keep(itemId, { requestId, changes: after, sent: false }),
    send: () => keep(itemId, { requestId, changes, sent: true }),
    giveUp: () => keep(itemId, undefined),
  };
}

const NONE: Change[] = [];

/** Whether anything would be lost by signing out. */
export function useHasUnmade(): boolean {
  return useContext(UnmadeContext)!.any;
}
