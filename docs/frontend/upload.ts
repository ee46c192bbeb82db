import { ApiProblem, type MontageApi, type Schemas } from "./client.js";

type Upload = Schemas["MultipartUploadOut"];
type PartUrls = Schemas["PartUrlsOut"];

const announced = (file: File): Schemas["UploadBody"] => ({
  fileName: file.name,
  contentType: file.type || "video/mp4", // Browsers do not know every ending.
  bytes: file.size,
});

/** Sends a file in one go; resolves to the `clipUrl` to name it by. */
export async function upload(api: MontageApi, file: File, signal: AbortSignal): Promise<string> {
  const body = announced(file);
  const place = await api.call<Schemas["UploadOut"]>("POST", "/api/uploads", signal, body);
  await put(place.uploadUrl, file, place.headers, signal);
  return place.clipUrl;
}

/** The same in parts: called again with the same file, even after a reload, it goes on. */
export async function uploadInParts(
  api: MontageApi,
  file: File,
  signal: AbortSignal,
  onShare: (share: number) => void = () => {},
): Promise<string> {
  const known = `upload:${file.name}:${file.size}:${file.lastModified}`;
  const upload =
    (await begunBefore(api, localStorage.getItem(known), signal)) ??
    (await api.call<Upload>("POST", "/api/uploads/multipart", signal, announced(file)));
  localStorage.setItem(known, upload.id);
  const path = `/api/uploads/multipart/${upload.id}`;
  const received = new Set(upload.received.map((part) => part.number));
  for (let number = 1; number <= upload.parts; number += 1) {
    if (!received.has(number)) {
      const bytes = file.slice((number - 1) * upload.partBytes, number * upload.partBytes);
      const body: Schemas["PartsBody"] = { numbers: [number] };
      const { parts } = await api.call<PartUrls>("POST", `${path}/parts`, signal, body);
      for (const { uploadUrl } of parts) await put(uploadUrl, bytes, {}, signal);
    }
    onShare(number / upload.parts);
  }
  const { clipUrl } = await api.call<Upload>("POST", `${path}/complete`, signal);
  localStorage.removeItem(known);
  return clipUrl;
}

async function begunBefore(api: MontageApi, id: string | null, signal: AbortSignal) {
  if (id === null) return null;
  return api.call<Upload>("GET", `/api/uploads/multipart/${id}`, signal).catch((problem) => {
    if (problem instanceof ApiProblem && problem.status === 404) return null; // It has expired.
    throw problem;
  });
}

async function put(url: string, body: Blob, headers: Record<string, string>, signal: AbortSignal) {
  const answer = await fetch(url, { method: "PUT", body, headers, signal });
  if (!answer.ok) throw new ApiProblem(answer.status, "upload_refused", await answer.text());
}
