/** Files that a person drops or chooses for a Reel. */

import type { Options } from "./api/client";
import { isKnownVideo } from "./api/upload";
import { words } from "./strings";

const GIGABYTE = 1024 ** 3;

/** All that was dropped, files of folders as well. */
export async function filesIn(dropped: DataTransfer): Promise<File[]> {
  // Entries have to be asked for at once: what was dropped is gone after the event.
  const entries = [...dropped.items].map((item) => item.webkitGetAsEntry());
  if (!entries.some((entry) => entry?.isDirectory)) return [...dropped.files];
  const files = await Promise.all(entries.map((entry) => (entry ? filesOf(entry) : [])));
  return files.flat();
}

async function filesOf(entry: FileSystemEntry): Promise<File[]> {
  // What lies hidden in folders (.DS_Store) nobody means.
  if (entry.name.startsWith(".")) return [];
  // What cannot be read is refused by its name, as an empty file is.
  const unreadable = new File([], entry.name);
  if (!entry.isDirectory) {
    const file = await new Promise<File>((resolve) =>
      (entry as FileSystemFileEntry).file(resolve, () => resolve(unreadable)),
    );
    return [file];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: File[] = [];
  for (;;) {
    // A reader gives a hundred at a time, and none in the end.
    const some = await new Promise<FileSystemEntry[] | null>((resolve) =>
      reader.readEntries(resolve, () => resolve(null)),
    );
    if (some === null) return [...found, unreadable];
    if (some.length === 0) return found;
    found.push(...(await Promise.all(some.map(filesOf))).flat());
  }
}

/** Why a file can be no clip, as far as a browser can tell; null where it may be one. */
export function refusalOf(file: File, limits: Options["limits"]): string | null {
  if (file.size === 0) return words.isEmpty(file.name);
  if (file.size > limits.maxClipBytes)
    return words.tooLarge(file.name, `${(limits.maxClipBytes / GIGABYTE).toFixed(1)} GB`);
  return isNoVideo(file) ? words.noVideo(file.name) : null;
}

/** What the system takes for something else; of endings that it does not know it says nothing. */
function isNoVideo(file: File): boolean {
  const isOther = /^(image|audio|text|font)\/|^application\/(pdf|zip|json|msword|vnd\.)/;
  return !isKnownVideo(file) && isOther.test(file.type);
}
