import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import type { Options } from "./api/client";
import { type Tray, useTray } from "./clips";
import { type Music, type Track, useTrack } from "./track";

/** What a person wants of a new Reel, besides its clips. */
export interface Wanted {
  style: string;
  format: string;
  durationSec: number;
  title: string;
  captions: string;
  prompt: string;
  matched: boolean;
  shortCuts: boolean;
  music: Music | null;
  how: string;
  formats: string[];
}

interface Draft {
  tray: Tray;
  /** The person's own music while it is uploaded; then it is `wanted.music`. */
  track: Track;
  wanted: Partial<Wanted>;
  change: (changed: Partial<Wanted>) => void;
  /** Once it has become a Reel. */
  clear: () => void;
}

const DraftContext = createContext<Draft | null>(null);

/** The Reel that is being put together: it stays, and its clips are uploaded, on every page. */
export function DraftProvider({ children }: { children: ReactNode }) {
  const tray = useTray();
  const [wanted, setWanted] = useState<Partial<Wanted>>({});
  const change = (changed: Partial<Wanted>) => setWanted((before) => ({ ...before, ...changed }));
  const track = useTrack((music) => change({ music }));
  useWarning(tray.clips.length > 0);
  const draft = {
    tray,
    track,
    wanted,
    change,
    clear: () => {
      tray.clear();
      track.cancel();
      setWanted({});
    },
  };
  return <DraftContext value={draft}>{children}</DraftContext>;
}

export function useDraft(): Draft {
  return useContext(DraftContext)!;
}

export function startingWith(options: Options): Wanted {
  return {
    style: options.styles[0]?.name ?? "",
    format: options.formats[0]?.name ?? "",
    durationSec: Math.min(30, options.limits.maxDurationSec),
    title: "",
    captions: "",
    prompt: "",
    matched: true,
    shortCuts: false,
    music: null,
    how: "reel",
    formats: [],
  };
}

/** Has the browser ask before the tab is closed. */
function useWarning(needed: boolean): void {
  useEffect(() => {
    if (!needed) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [needed]);
}
