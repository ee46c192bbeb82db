import { memory } from "../memory";
import { ApiProblem, answered, api } from "./client";
import type { components } from "./schema";
import { put } from "./upload";

type Upload = components["schemas"]["MultipartUploadOut"];

/** Of one file; the tray sends three files at once. */
const PARTS_AT_ONCE = 2;

/** Of one part: lines of phones come and go. */
const TRIES = 4;
const PAUSE_MS = 1500;

/** What a file that is chosen twice has in common, as far as a browser tells. */
export const identityOf = (file: File) => `${file.name}:${file.size}:${file.lastModified}`;

/** A file as it is known again when it is picked after a reload. */
const nameOf = (file: File) => `${KNOWN}${identityOf(file)}`;
const KNOWN = "upload:";

/** The person's own name of a file that was not sent whole; undefined where this browser did not
 * send it.
 */
export function fileNameOf(uploadId: string): string | undefined {
  const known = memory.names().find((name) => memory.getItem(name) === uploadId);
  return known?.slice(KNOWN.length).replace(/(:\d+){2}$/, "");
}

/**
 * Sends a large file part by part, some at once. What was sent stays sent: after a broken line, or
 * when the same file is picked again after a reload, only what is missing is sent.
 */
export async function uploadInParts(
  file: File,
  type: string,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<string> {
  const upload = (await begunEarlier(file, signal)) ?? (await begin(file, type, signal));
  const sent = new Map(upload.received.map((part) => [part.number, part.bytes]));
  const show = () => onProgress([...sent.values()].reduce((sum, bytes) => sum + bytes, 0) / file.size);
  show();

  const missing = Array.from({ length: upload.parts }, (_, index) => index + 1).filter(
    (number) => !sent.has(number),
  );
  // Where one part cannot be sent, the others stop as well.
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const worker = async () => {
    for (let number = missing.shift(); number !== undefined; number = missing.shift()) {
      const part = number;
      await sendPart(file, upload, part, both, (bytes) => {
        sent.set(part, bytes);
        show();
      });
    }
  };
  try {
    await Promise.all(Array.from({ length: PARTS_AT_ONCE }, worker));
  } finally {
    stop.abort();
  }

  const params = { path: { uploadId: upload.id } };
  const done = await answered(api.POST("/api/uploads/multipart/{uploadId}/complete", { params, signal }));
  memory.removeItem(nameOf(file));
  return done.clipUrl;
}

async function begin(file: File, contentType: string, signal: AbortSignal): Promise<Upload> {
  const body = { fileName: file.name, contentType, bytes: file.size };
  const upload = await answered(api.POST("/api/uploads/multipart", { body, signal }));
  memory.setItem(nameOf(file), upload.id);
  return upload;
}

/** The upload of this file that was not finished, if it has not expired. */
async function begunEarlier(file: File, signal: AbortSignal): Promise<Upload | null> {
  const uploadId = memory.getItem(nameOf(file));
  if (uploadId === null) return null;
  try {
    const params = { path: { uploadId } };
    return await answered(api.GET("/api/uploads/multipart/{uploadId}", { params, signal }));
  } catch (problem) {
    if (!(problem instanceof ApiProblem && [404, 422].includes(problem.status))) throw problem;
    memory.removeItem(nameOf(file));
    return null;
  }
}

async function sendPart(
  file: File,
  upload: Upload,
  number: number,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const start = (number - 1) * upload.partBytes;
  const bytes = file.slice(start, start + upload.partBytes);
  for (let tried = 1; ; tried += 1) {
    try {
      const params = { path: { uploadId: upload.id } };
      const signed = await answered(
        api.POST("/api/uploads/multipart/{uploadId}/parts", { params, body: { numbers: [number] }, signal }),
      );
      await put(signed.parts[0]!.uploadUrl, {}, bytes, (share) => onBytes(share * bytes.size), signal);
      onBytes(bytes.size);
      return;
    } catch (problem) {
      onBytes(0);
      if (signal.aborted || tried === TRIES) throw problem;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * tried));
    }
  }
}
