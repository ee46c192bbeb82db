import { useCallback, useEffect, useRef, useState } from "react";
import { ApiProblem, isPassing } from "./api/client";
import { upload } from "./api/upload";
import { words } from "./strings";

/** What the person wants of a clip: it opens, it must appear, it must not, or as it fits. */
export type Mark = "none" | "hook" | "must" | "never";

export interface TrayClip {
  id: string;
  name: string;
  mark: Mark;
  file: File | null;
  /** Share that is uploaded, 0 to 1; 1 for a link. */
  share: number;
  /** What to name it by in a request; null until it is uploaded. */
  url: string | null;
  problem: string | null;
  /** Whether that may well be gone by itself: the connection broke. */
  passing: boolean;
}

type Added = Pick<TrayClip, "name" | "file" | "share" | "url"> & Partial<Pick<TrayClip, "mark">>;

/** Lines of phones are slow one way: more at once makes none of them faster. */
const AT_ONCE = 3;

/** The clips of a Reel to be made, and their uploads, three at a time in the order given. */
export function useTray() {
  const [clips, setClips] = useState<TrayClip[]>([]);
  const running = useRef(new Map<string, AbortController>());
  // A clip is sent once, although it is done a moment before its address is in the list.
  const begun = useRef(new Set<string>());

  const change = useCallback((id: string, changed: Partial<TrayClip>) => {
    setClips((all) => all.map((clip) => (clip.id === id ? { ...clip, ...changed } : clip)));
  }, []);

  useEffect(() => {
    for (const clip of clips) {
      if (running.current.size >= AT_ONCE) break;
      if (clip.file === null || clip.url || clip.problem || begun.current.has(clip.id)) continue;
      const controller = new AbortController();
      begun.current.add(clip.id);
      running.current.set(clip.id, controller);
      upload(clip.file, (share) => change(clip.id, { share }), controller.signal)
        .then((url) => ({ url, share: 1 }))
        .catch((problem: Error) => (controller.signal.aborted ? {} : brokenBy(problem)))
        .then((changed) => {
          running.current.delete(clip.id);
          change(clip.id, changed);
        });
    }
  }, [clips, change]);

  // Signing out ends what is sent.
  useEffect(() => () => running.current.forEach((controller) => controller.abort()), []);

  const add = (added: Added[]) =>
    setClips((all) => [
      ...all,
      ...added.map((clip) => ({
        mark: "none" as Mark,
        ...clip,
        id: crypto.randomUUID(),
        problem: null,
        passing: false,
      })),
    ]);
  const retry = useCallback(
    (id: string) => {
      begun.current.delete(id);
      change(id, { problem: null, passing: false, share: 0 });
    },
    [change],
  );

  // What broke with the line goes on when the line is there again.
  useEffect(() => {
    const goOn = () => clips.filter((clip) => clip.passing).forEach((clip) => retry(clip.id));
    window.addEventListener("online", goOn);
    return () => window.removeEventListener("online", goOn);
  }, [clips, retry]);

  return {
    clips,
    addFiles: (files: File[]) =>
      add(files.map((file) => ({ name: file.name, file, share: 0, url: null }))),
    addLinks: (links: string[]) =>
      add(links.map((url) => ({ name: linkName(url), file: null, share: 1, url }))),
    /** Clips that the server has. */
    addKnown: (known: { name: string; url: string; mark: Mark }[]) =>
      add(known.map((clip) => ({ ...clip, file: null, share: 1 }))),
    remove: (id: string) => {
      running.current.get(id)?.abort();
      running.current.delete(id);
      setClips((all) => all.filter((clip) => clip.id !== id));
    },
    clear: () => {
      running.current.forEach((controller) => controller.abort());
      setClips([]);
    },
    retry,
    mark: (id: string, mark: Mark) =>
      setClips((all) =>
        all.map((clip) => {
          if (clip.id === id) return { ...clip, mark };
          // Only one clip opens a Reel.
          return mark === "hook" && clip.mark === "hook" ? { ...clip, mark: "none" } : clip;
        }),
      ),
  };
}

function brokenBy(problem: Error): Pick<TrayClip, "problem" | "passing"> {
  // Calls without an answer are said to be made again, which an upload is only with the line.
  const isCutOff = problem instanceof ApiProblem && problem.status === 0;
  return { problem: isCutOff ? words.uploadBroken : problem.message, passing: isPassing(problem) };
}

export type Tray = ReturnType<typeof useTray>;

export function linkName(url: string): string {
  const last = new URL(url).pathname.split("/").pop() ?? "";
  try {
    return decodeURIComponent(last) || new URL(url).host;
  } catch {
    return last;
  }
}

/** The https:// addresses of a text, one a line or one behind the other, and what is none. */
export function linksOf(text: string): { links: string[]; others: string[] } {
  const lines = text
    .split(/\n|\s+(?=https:\/\/)/)
    .map((line) => line.trim())
    .filter(Boolean);
  const isLink = (line: string) => URL.canParse(line) && new URL(line).protocol === "https:";
  return { links: lines.filter(isLink), others: lines.filter((line) => !isLink(line)) };
}
