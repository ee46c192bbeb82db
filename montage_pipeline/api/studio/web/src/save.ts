const KEPT_MS = 60_000;

/** Saves what is at an address of another origin, where the `download` attribute has no effect. */
export async function save(url: string, name: string): Promise<void> {
  let blob: Blob;
  try {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(String(answer.status));
    blob = await answer.blob();
  } catch {
    // The store may not let this origin read: then the browser shows the file, to be saved by hand.
    window.open(url, "_blank", "noreferrer");
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // Some browsers begin to save only after the click has been dealt with.
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}
