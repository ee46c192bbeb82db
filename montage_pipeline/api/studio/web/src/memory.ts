/** What outlives a reload, where the browser allows it; in a frame of another site it may not. */
export const memory: Pick<Storage, "getItem" | "setItem" | "removeItem"> = storage() ?? inMemory();

function storage(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

function inMemory() {
  const kept = new Map<string, string>();
  return {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  };
}
