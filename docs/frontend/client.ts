import type { components } from "./schema.js";

export type Schemas = components["schemas"];

/** How often a call is made that is refused with 429 because there were too many. */
const TRIES = 3;

/** A refusal; `code` is for programs, `message` for people. Without an answer `status` is 0. */
export class ApiProblem extends Error {
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message);
  }

  /** Whether the same call may succeed a little later. */
  get passes(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** `token` is asked before every call: keep a token until shortly before it expires. */
export class MontageApi {
  constructor(private readonly url: string, private readonly token: () => Promise<string>) {}

  async call<T>(method: string, path: string, signal: AbortSignal, body?: unknown): Promise<T> {
    const json = { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
    return (await this.send(path, { method, signal, ...(body !== undefined && json) })).json();
  }

  async send(path: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> {
    for (let tried = 1; ; tried += 1) {
      const headers = new Headers(init.headers);
      headers.set("Authorization", `Bearer ${await this.token()}`);
      const answer = await fetch(this.url + path, { ...init, headers }).catch((cause: unknown) => {
        init.signal.throwIfAborted();
        throw new ApiProblem(0, "no_answer", String(cause));
      });
      if (answer.ok) return answer;
      const envelope: Schemas["ErrorEnvelope"] | null = await answer.json().catch(() => null);
      const { code, message } = envelope?.error ?? { code: "unknown", message: answer.statusText };
      if (answer.status !== 429 || tried === TRIES) {
        throw new ApiProblem(answer.status, code, message);
      }
      await pause(Number(answer.headers.get("Retry-After") ?? 1) * 1000, init.signal);
    }
  }
}

export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    function end() {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    }
  });
}
