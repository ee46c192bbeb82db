import { api } from "./api/client";

/** How far into a clip its thumbnail is taken: first frames are often black or shaking. */
const AT_S = 0.5;
const WIDTH = 144;
const PATIENCE_MS = 8000;

/** A frame of the file as an image's address; null where this browser cannot decode its pictures. */
export async function thumbnailOf(file: File): Promise<string | null> {
  const url = URL.createObjectURL(file);
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.preload = "auto";
  video.src = url;
  try {
    await happens(video, "loadedmetadata");
    // A browser that plays the sound alone (HEVC) has no frame to show.
    if (!video.videoWidth) return null;
    video.currentTime = Math.min(AT_S, (video.duration || 1) / 2);
    await happens(video, "seeked");
    return await drawn(video);
  } catch {
    return null;
  } finally {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(url);
  }
}

/** Which frame of which uploaded clip, as text: an effect goes by whether it has changed. */
export function frameOf(clipUrl: string, atSec?: number): string | null {
  return clipUrl.startsWith("s3://") ? JSON.stringify([clipUrl, atSec]) : null;
}

/** The server makes few pictures at once, and refuses a page that asks for many. */
let asked: Promise<unknown> = Promise.resolve();

/** The server's picture of a frame; null where there is none, or nobody waits for it any more. */
export function thumbnailOfUpload(frame: string, signal: AbortSignal): Promise<string | null> {
  const picture = asked.then(() => (signal.aborted ? null : fetched(frame)));
  asked = picture.catch(() => null);
  return picture;
}

async function fetched(frame: string): Promise<string | null> {
  const [clipUrl, atSec] = JSON.parse(frame) as [string, number | null];
  const uploadId = clipUrl.split("/").at(-2) ?? "";
  const { data } = await api.GET("/api/uploads/{uploadId}/thumbnail", {
    params: { path: { uploadId }, query: { atSec } },
    parseAs: "blob",
  });
  return data ? URL.createObjectURL(data) : null;
}

function happens(video: HTMLVideoElement, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("timeout")), PATIENCE_MS);
    const end = (then: () => void) => () => {
      clearTimeout(late);
      then();
    };
    video.addEventListener(event, end(resolve), { once: true });
    video.addEventListener("error", end(() => reject(new Error("cannot be decoded"))), { once: true });
  });
}

function drawn(video: HTMLVideoElement): Promise<string | null> {
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = Math.max(1, Math.round((WIDTH * video.videoHeight) / video.videoWidth));
  canvas.getContext("2d")?.drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) =>
    canvas.toBlob((blob) => resolve(blob && URL.createObjectURL(blob)), "image/jpeg", 0.8),
  );
}
