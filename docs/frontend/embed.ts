/**
 * Shows the studio at `url` (`https://montage.example.com/studio`) in a frame, and gives it a token
 * whenever it asks: at the beginning, and when the last one has expired. Call the answer to end it.
 */
export function embedStudio(
  frame: HTMLIFrameElement,
  url: string,
  token: () => Promise<string>,
): () => void {
  const { origin } = new URL(url);
  const answer = async ({ source, origin: sender, data }: MessageEvent) => {
    if (source !== frame.contentWindow || sender !== origin) return;
    if (data?.type !== "montage.token-needed") return;
    // Only the studio's origin gets it, whatever the frame shows by then.
    frame.contentWindow?.postMessage({ type: "montage.token", token: await token() }, origin);
  };
  window.addEventListener("message", answer);
  frame.src = url;
  return () => window.removeEventListener("message", answer);
}
