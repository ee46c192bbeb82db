import { useEffect, useRef, useState } from "react";
import { upload } from "./api/upload";
import { words } from "./strings";

const MEGABYTE = 1024 ** 2;

/** For what a browser tells of a file's length. */
const PATIENCE_MS = 4000;

export interface Music {
  name: string;
  url: string;
  /** How long it lasts, where this browser can tell. */
  seconds: number | null;
}

/** A track of the person's own on its way to the server. */
export interface Track {
  name: string | null;
  /** Share that is uploaded, 0 to 1; null while nothing is on its way. */
  share: number | null;
  problem: string | null;
  take: (file: File, maxBytes: number) => void;
  cancel: () => void;
}

const NOTHING = { name: null, share: null, problem: null };

export function useTrack(onUploaded: (music: Music) => void): Track {
  const [state, setState] = useState<Pick<Track, "name" | "share" | "problem">>(NOTHING);
  const running = useRef<AbortController>(undefined);
  const uploaded = useRef(onUploaded);
  uploaded.current = onUploaded;
  useEffect(() => () => running.current?.abort(), []);

  const take = (file: File, maxBytes: number) => {
    running.current?.abort();
    const { name } = file;
    const refused = refusalOf(file, maxBytes);
    if (refused) {
      setState({ ...NOTHING, problem: refused });
      return;
    }
    const controller = new AbortController();
    running.current = controller;
    const show = (share: number) =>
      controller.signal.aborted || setState({ name, share, problem: null });
    show(0);
    Promise.all([upload(file, show, controller.signal), lengthOf(file)])
      .then(([url, seconds]) => {
        setState(NOTHING);
        uploaded.current({ name, url, seconds });
      })
      .catch((error: Error) => {
        if (!controller.signal.aborted) setState({ ...NOTHING, problem: error.message });
      });
  };
  const cancel = () => {
    running.current?.abort();
    setState(NOTHING);
  };
  return { ...state, take, cancel };
}

/** Says so where music would end before the Reel; null where it does not, or nobody knows. */
export function musicTooShort(music: Music | null, durationSec: number): string | null {
  const seconds = music?.seconds ?? null;
  return seconds !== null && seconds < durationSec ? words.musicTooShort(seconds) : null;
}

function lengthOf(file: File): Promise<number | null> {
  const audio = new Audio();
  audio.preload = "metadata";
  audio.src = URL.createObjectURL(file);
  return new Promise<number | null>((resolve) => {
    audio.onloadedmetadata = () => resolve(Number.isFinite(audio.duration) ? audio.duration : null);
    audio.onerror = () => resolve(null);
    setTimeout(() => resolve(null), PATIENCE_MS);
  }).finally(() => URL.revokeObjectURL(audio.src));
}

function refusalOf(file: File, maxBytes: number): string | null {
  if (file.size === 0) return words.isEmpty(file.name);
  if (file.size > maxBytes)
    return words.tooLarge(file.name, `${Math.round(maxBytes / MEGABYTE)} MB`);
  return /^(image|text)\/|\/(pdf|zip)$/.test(file.type) ? words.noMusic(file.name) : null;
}
