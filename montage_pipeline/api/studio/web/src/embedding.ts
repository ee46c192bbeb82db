/** The studio in a frame of another page, which hands over the person's token. */

export const embedded = window.parent !== window;

/** Tells the page around that a token is needed: there is none yet, or the last one is not accepted
 * (any more).
 */
export function askForToken(reason: "missing" | "refused"): void {
  // Whoever is around may know that; a token is never sent that way.
  window.parent.postMessage({ type: "montage.token-needed", reason }, "*");
}

/** Hears the tokens that the page around sends, until the returned function is called. */
export function onToken(take: (token: string) => void): () => void {
  const hear = ({ source, data }: MessageEvent<unknown>) => {
    // No other page than those of MONTAGE_STUDIO_EMBED_ORIGINS can be the parent: browsers do not
    // show the studio there (`frame-ancestors`). Other windows may send messages, too.
    if (!embedded || source !== window.parent || !isToken(data)) return;
    take(data.token);
  };
  window.addEventListener("message", hear);
  return () => window.removeEventListener("message", hear);
}

function isToken(data: unknown): data is { type: "montage.token"; token: string } {
  const { type, token } = (data ?? {}) as { type?: unknown; token?: unknown };
  return type === "montage.token" && typeof token === "string" && token !== "";
}
