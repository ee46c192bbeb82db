import { ApiProblem, type MontageApi, type Schemas, pause } from "./client.js";

export type ItemEvent =
  | { type: "status"; id: string; data: Schemas["StatusOut"] }
  | { type: "plan"; id: undefined; data: Schemas["PlanReadyOut"] }
  | { type: "deleted"; id: undefined; data: Schemas["DeletedOut"] };

const RECONNECT_MS = 2000;

/** The server is never silent for more than 15 s; after three times that the line is dead. */
const SILENCE_MS = 45_000;

/** What happens to an item, until nothing more will; goes on where a broken line left off. */
export async function* watched(
  api: MontageApi,
  itemId: string,
  signal: AbortSignal,
  last?: string,
): AsyncGenerator<ItemEvent, void> {
  for (;;) {
    const line = new AbortController();
    try {
      const answer = await api.send(`/api/content-items/${itemId}/events`, {
        headers: last === undefined ? {} : { "Last-Event-ID": last },
        signal: AbortSignal.any([signal, line.signal]),
      });
      if (answer.status === 204 || !answer.body) return;
      for await (const event of eventsIn(answer.body, line)) {
        last = event.id ?? last;
        yield event;
        if (event.type === "deleted") return;
        if (event.type === "status" && event.data.status !== "generating") return;
      }
    } catch (problem) {
      if (signal.aborted || (problem instanceof ApiProblem && !problem.passes)) throw problem;
    } finally {
      line.abort();
    }
    await pause(RECONNECT_MS, signal);
  }
}

async function* eventsIn(body: NonNullable<Response["body"]>, line: AbortController) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const silence = setTimeout(() => line.abort(), SILENCE_MS);
    const { done, value } = await reader.read().finally(() => clearTimeout(silence));
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const field = (name: string) => block.match(new RegExp(`^${name}: (.*)$`, "m"))?.[1];
      const [type, id, data] = [field("event"), field("id"), field("data")];
      if (data) yield { type, id, data: JSON.parse(data) } as ItemEvent;
    }
  }
}
