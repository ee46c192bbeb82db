import createClient from "openapi-fetch";
import { words } from "../strings";
import { storedToken } from "../session";
import type { components, paths } from "./schema";

export type Item = components["schemas"]["ContentItemOut"];
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

/** Whether the same call may well be answered later: no answer came, or the server was not well. */
export function isPassing(problem: Error): boolean {
  return !(problem instanceof ApiProblem) || problem.status === 0 || problem.status >= 500;
}

export const api = createClient<paths>({ baseUrl: location.origin });

api.use({
  onRequest({ request }) {
    const token = storedToken();
    if (token) request.headers.set("Authorization", `Bearer ${token}`);
    return request;
  },
  onError() {
    return new ApiProblem(0, "offline", words.offline);
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
