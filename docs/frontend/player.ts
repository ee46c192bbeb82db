import type { MontageApi, Schemas } from "./client.js";

type Item = Schemas["ContentItemOut"];
type Artefacts = Schemas["ArtefactsOut"];

/** Links expire (R2_PRESIGN_SECONDS); what fails sooner is not mended by another link. */
const STALE_MS = 60_000;
/** Sent to the edge of a frame, a player may show the one before: send it to the middle. */
const HALF_FRAME_S = 1 / 60;

/** Shows a Reel in `root`: the player, its segments with their reasons, covers to choose from. */
export async function showReel(
  api: MontageApi,
  itemId: string,
  root: HTMLElement,
  signal: AbortSignal,
): Promise<void> {
  const path = `/api/content-items/${itemId}`;
  const linkTo = (item: Item) => item.generatedMediaUrl ?? "";
  const item = await api.call<Item>("GET", path, signal);
  // The edit of this Reel, whatever was planned since.
  const made = `${path}/artefacts?requestId=${item.reelRequestId}`;
  const { edit, covers } = await api.call<Artefacts>("GET", made, signal);
  const video = document.createElement("video");
  Object.assign(video, { src: linkTo(item), poster: item.posterUrl ?? "", controls: true });
  video.playsInline = true; // A phone would take the whole screen.
  let linkedAt = Date.now();
  video.onerror = async () => {
    if (signal.aborted || Date.now() - linkedAt < STALE_MS) return;
    linkedAt = Date.now();
    const at = video.currentTime;
    video.src = linkTo(await api.call<Item>("GET", path, signal));
    video.currentTime = at;
  };

  const segments = (edit?.segments ?? []).map(({ thumbnailUrl, why, reelSec }) => {
    const show = () => (video.currentTime = reelSec + HALF_FRAME_S);
    return { reelSec, button: button(thumbnailUrl, why, show) };
  });
  video.ontimeupdate = () => {
    const current = segments.findLast(({ reelSec }) => reelSec <= video.currentTime);
    for (const segment of segments) segment.button.ariaCurrent = String(segment === current);
  };

  const choices = covers.map(({ rank, url, why, chosen }) => {
    const choice = button(url, why, async () => {
      await api.call("PUT", `${path}/poster`, signal, { rank } satisfies Schemas["PosterBody"]);
      video.poster = url;
      for (const other of choices) other.ariaPressed = String(other === choice);
    });
    return Object.assign(choice, { ariaPressed: String(chosen) });
  });
  root.replaceChildren(video, ...segments.map((segment) => segment.button), ...choices);
}

function button(picture: string, label: string, onclick: () => void): HTMLButtonElement {
  const made = Object.assign(document.createElement("button"), { title: label, onclick });
  made.append(Object.assign(new Image(), { src: picture, alt: label }));
  return made;
}
