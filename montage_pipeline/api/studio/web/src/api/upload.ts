import { words } from "../strings";
import { ApiProblem, answered, api } from "./client";
import { uploadInParts } from "./parts";

/** What the browser does not know by name, by the ending of the file's name. */
const TYPES: Record<string, string> = {
  mkv: "video/x-matroska",
  mov: "video/quicktime",
  mts: "video/mp2t",
  ts: "video/mp2t",
  avi: "video/x-msvideo",
  hevc: "video/hevc",
  gif: "video/gif",
  m4a: "audio/mp4",
  flac: "audio/flac",
};

export function contentType(file: File): string {
  if (/^(video|audio)\//.test(file.type)) return file.type;
  return typeByEnding(file) ?? "video/mp4";
}

export function isKnownVideo(file: File): boolean {
  return file.type.startsWith("video/") || (typeByEnding(file)?.startsWith("video/") ?? false);
}

function typeByEnding(file: File): string | undefined {
  return TYPES[file.name.split(".").pop()?.toLowerCase() ?? ""];
}

/** From here on a broken line costs more than the three calls that parts take. */
const LARGE_BYTES = 32 * 1024 * 1024;

/** Sends a file to the object store; resolves to the `clipUrl` to name it by. */
export async function upload(
  file: File,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<string> {
  const type = contentType(file);
  if (file.size > LARGE_BYTES) return uploadInParts(file, type, onProgress, signal);
  const place = await answered(
    api.POST("/api/uploads", {
      body: { fileName: file.name, contentType: type, bytes: file.size },
      signal,
    }),
  );
  await put(place.uploadUrl, place.headers, file, onProgress, signal);
  return place.clipUrl;
}

/** fetch tells nothing of bytes sent, so this one call is an XMLHttpRequest. */
export function put(
  url: string,
  headers: Record<string, string>,
  file: Blob,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress(event.loaded / Math.max(1, event.total));
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(new ApiProblem(request.status, "upload_failed", words.uploadRefused(request.status)));
    };
    request.onerror = () => reject(new ApiProblem(0, "offline", words.uploadBroken));
    request.onabort = () => reject(new DOMException("aborted", "AbortError"));
    signal.throwIfAborted();
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
}
