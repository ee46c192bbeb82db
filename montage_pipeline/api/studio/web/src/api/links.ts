/** Links to files are signed anew in every answer of the API. */

import { replaceEqualDeep } from "@tanstack/react-query";

interface Known {
  link: URL;
  owner: object;
}

/** Another link is taken once less than this share of its time is left to one. */
const LEFT = 0.25;

/** Keeps what has not changed of an answer, links that still hold as well: what they show is not
 * loaded again, and a player plays on. For files whose address changes with their content.
 */
export function keepingLinks(before: unknown, now: unknown): unknown {
  return replaceEqualDeep(before, relinked(now, linksIn(before), () => true));
}

/** The same for files that may be written anew: a link is kept where all that is said beside it is
 * as it was.
 */
export function keepingLinksOfTheSame(before: unknown, now: unknown): unknown {
  return replaceEqualDeep(before, relinked(now, linksIn(before), saysTheSame));
}

/** A link without what makes it new each time. */
export function pathOf(url: string): string {
  return url.split("?")[0]!;
}

function linksIn(value: unknown, known = new Map<string, Known>()): Map<string, Known> {
  if (typeof value !== "object" || value === null) return known;
  for (const part of Object.values(value)) {
    const link = signedLink(part);
    if (link) known.set(pathOf(link.href), { link, owner: value });
    else linksIn(part, known);
  }
  return known;
}

function relinked(
  value: unknown,
  known: Map<string, Known>,
  holds: (before: object, now: object) => boolean,
): unknown {
  if (typeof value !== "object" || value === null) return value;
  const relink = (part: unknown) => {
    const link = signedLink(part);
    if (!link) return relinked(part, known, holds);
    const before = known.get(pathOf(link.href));
    return before && isFresh(before.link) && holds(before.owner, value) ? before.link.href : part;
  };
  if (Array.isArray(value)) return value.map(relink);
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, relink(part)]));
}

function signedLink(value: unknown): URL | null {
  if (typeof value !== "string" || !value.includes("X-Amz-Signature=")) return null;
  return URL.canParse(value) ? new URL(value) : null;
}

/** Signed by AWS Signature 4: `X-Amz-Date` as 20261127T080000Z, `X-Amz-Expires` in seconds. */
function isFresh({ searchParams }: URL): boolean {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(searchParams.get("X-Amz-Date") ?? "") ?? [];
  const signed = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  const lifeMs = Number(searchParams.get("X-Amz-Expires")) * 1000;
  return Date.now() < signed + (1 - LEFT) * lifeMs;
}

function saysTheSame(before: object, now: object): boolean {
  const said = (value: object) =>
    JSON.stringify(Object.entries(value).filter(([, part]) => isPlain(part)));
  return said(before) === said(now);
}

function isPlain(part: unknown): boolean {
  return (typeof part !== "object" || part === null) && signedLink(part) === null;
}
