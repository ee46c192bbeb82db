import createClient from "openapi-fetch";
import { words } from "../strings";
import { refuse, signedIn, usableToken } from "../session";
import type { components, paths } from "./schema";

export type Item = components["schemas"]["ContentItemOut"];
export type Page = components["schemas"]["ContentItemsOut"];
export type ClipReport = components["schemas"]["ClipOut"];
export type Options = components["schemas"]["OptionsOut"];
export type NewItem = components["schemas"]["NewContentItemBody"];
export type FormatOption = components["schemas"]["FormatOut"];
export type Artefacts = components["schemas"]["ArtefactsOut"];
export type Edit = components["schemas"]["EditOut"];
export type Segment = components["schemas"]["SegmentOut"];
export type Variant = components["schemas"]["VariantOut"];
export type Rendition = components["schemas"]["RenditionOut"];
export type Wishes = components["schemas"]["WishesBody"];
export type RenderOrder = components["schemas"]["RenderBody"];
export type CostRow = components["schemas"]["CostRowOut"];
export type Cover = components["schemas"]["CoverOut"];
export type ChangeList = components["schemas"]["ChangesBody"];
export type Change = ChangeList["changes"][number];
export type ChangeOutcome = components["schemas"]["ChangeOutcomeOut"];
type Envelope = components["schemas"]["ErrorEnvelope"];

/** Whether its person stopped it, which is no failure. */
export function isCanceled(item: Item): boolean {
  return item.status === "failed" && item.error?.code === "canceled";
}

/** A refusal of the API, or no answer at all (`status` 0). */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
  }

  /** The fields at fault, as `field: message`. */
  get fields(): { field: string; message: string }[] {
    const errors = this.details["errors"];
    return Array.isArray(errors) ? (errors as { field: string; message: string }[]) : [];
  }
}

/** Whether the same call may well be answered later: no answer came, or the server was not well,
 * or too busy.
 */
export function isPassing(problem: Error): boolean {
  if (!(problem instanceof ApiProblem)) return true;
  return problem.status === 0 || problem.status === 429 || problem.status >= 500;
}

/** How often a call is made that the server is too busy for, and the longest it waits in between:
 * a person waits no longer without a word.
 */
const TRIES = 3;
const LONGEST_WAIT_S = 10;

/** fetch with the person's token. A call that finds it expired waits for another and is made again,
 * so that nothing is lost of what somebody was doing.
 */
export async function authorised(request: Request): Promise<Response> {
  const person = signedIn();
  for (let tried = 1; ; tried += 1) {
    const token = await usableToken(person, request.signal);
    if (token === null) throw new ApiProblem(401, "signed_out", words.signedOut);
    const sent = request.clone();
    sent.headers.set("Authorization", `Bearer ${token}`);
    const answer = await fetch(sent);
    const waitS = Number(answer.headers.get("Retry-After") ?? Infinity);
    const isBusy = answer.status === 429 && tried < TRIES && waitS <= LONGEST_WAIT_S;
    if (answer.status !== 401 && !isBusy) return answer;
    // What nobody reads would hold its connection.
    await answer.body?.cancel();
    if (isBusy) await new Promise((resolve) => setTimeout(resolve, waitS * 1000));
    else refuse(token);
  }
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: authorised });

api.use({
  onError({ error }) {
    const known = error instanceof ApiProblem || (error as Error).name === "AbortError";
    return known ? (error as Error) : new ApiProblem(0, "offline", words.offline);
  },
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a success; throws ApiProblem for everything else. */
export async function answered<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (response.ok) return data as T;
  const problem = (error as Envelope | undefined)?.error;
  throw new ApiProblem(
    response.status,
    problem?.code ?? "unknown",
    problem?.message ?? words.noAnswer(response.status),
    problem?.details ?? {},
  );
}
