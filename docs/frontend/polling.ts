import { ApiProblem, type MontageApi, type Schemas, pause } from "./client.js";

type Status = Schemas["StatusOut"];

const EVERY_MS = 2000;

/** While nothing answers, the pauses double up to this. */
const AT_MOST_MS = 30_000;

/** The item's status whenever it has changed; ends with `draft` or `failed`. */
export async function* polled(api: MontageApi, itemId: string, signal: AbortSignal) {
  let shown: string | undefined;
  let pauseMs = EVERY_MS;
  for (;;) {
    const status = await statusOf(api, itemId, signal);
    pauseMs = status ? EVERY_MS : Math.min(2 * pauseMs, AT_MOST_MS);
    if (status && status.updatedAt !== shown) yield status;
    if (status && status.status !== "generating") return;
    shown = status?.updatedAt ?? shown;
    await pause(pauseMs, signal);
  }
}

/** Null while the line is down or the server restarts. */
async function statusOf(
  api: MontageApi,
  itemId: string,
  signal: AbortSignal,
): Promise<Status | null> {
  try {
    return await api.call<Status>("GET", `/api/content-items/${itemId}/status`, signal);
  } catch (problem) {
    if (problem instanceof ApiProblem && problem.passes) return null;
    throw problem;
  }
}
