import { createContext, type ReactNode, useContext, useState } from "react";
import type { Item, Options } from "./api/client";
import { linkName, type Mark, type Tray, useTray } from "./clips";
import { type Music, type Track, useTrack } from "./track";
import { useWarning } from "./warning";

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
  /** Begins with the clips and wishes of a Reel that is there. */
  beginWith: (item: Item) => void;
}

const DraftContext = createContext<Draft | null>(null);

/** The Reel that is being put together: it stays, and its clips are uploaded, on every page. */
export function DraftProvider({ children }: { children: ReactNode }) {
  const tray = useTray();
  const [wanted, setWanted] = useState<Partial<Wanted>>({});
  const change = (changed: Partial<Wanted>) => setWanted((before) => ({ ...before, ...changed }));
  const track = useTrack((music) => change({ music }));
  useWarning(tray.clips.length > 0);
  const clear = () => {
    tray.clear();
    track.cancel();
    setWanted({});
  };
  const beginWith = (item: Item) => {
    clear();
    tray.addKnown(clipsOf(item));
    setWanted(wantedOf(item));
  };
  const draft = { tray, track, wanted, change, clear, beginWith };
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

function clipsOf({ clips, clipUrls, wishes }: Item) {
  const names = new Map(clips.map((clip) => [clip.url, clip.name]));
  const markOf = (url: string): Mark => {
    if (wishes.hookClip === url) return "hook";
    if (wishes.mustUse.includes(url)) return "must";
    return wishes.exclude.includes(url) ? "never" : "none";
  };
  return clipUrls.map((url) => ({
    url,
    name: names.get(url.split("?")[0] ?? url) ?? linkName(url),
    mark: markOf(url),
  }));
}

function wantedOf({ style, format, durationSec, title, wishes }: Item): Partial<Wanted> {
  return {
    style,
    format,
    durationSec,
    title: title ?? "",
    captions: wishes.captions ?? "",
    prompt: wishes.prompt ?? "",
    matched: wishes.look === "matched",
    shortCuts: wishes.shortCuts,
    music: wishes.musicUrl
      ? { name: linkName(wishes.musicUrl), url: wishes.musicUrl, seconds: null }
      : null,
    formats: wishes.formats,
  };
}
