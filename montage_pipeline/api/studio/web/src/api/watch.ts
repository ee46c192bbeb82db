import { useQueryClient } from "@tanstack/react-query";
import { EventSource } from "eventsource";
import { useEffect } from "react";
import { authorised, type Item } from "./client";

/** Before the stream is opened again after a refusal: twice as long each time, up to the second. */
const PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 30_000;

/** Keeps an item and its artefacts fresh by the server's events while it is made. */
export function useWatched(id: string, generating: boolean): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!generating) return;
    const anew = (key: string) => void client.invalidateQueries({ queryKey: [key, id] });
    return listening(id, {
      status: (status) => {
        client.setQueryData<Item>(["item", id], (item) => item && { ...item, ...status });
        // Clips, warnings and originality come with the whole item.
        if (status.status !== "generating") ["item", "artefacts"].forEach(anew);
      },
      plan: () => ["item", "artefacts"].forEach(anew),
      // The page then says whether the server is there at all.
      lost: () => anew("item"),
    });
  }, [client, id, generating]);
}

interface Listener {
  status: (status: Partial<Item>) => void;
  plan: () => void;
  lost: () => void;
}

/** Hears of an item until the returned function is called, through refusals and broken lines. */
function listening(id: string, listener: Listener): () => void {
  let source: EventSource;
  let again: ReturnType<typeof setTimeout>;
  let pauseMs = PAUSE_MS;
  const open = () => {
    source = new EventSource(`/api/content-items/${id}/events`, {
      // The browser's own EventSource sends no token; this one takes the page's fetch.
      fetch: (address, init) => authorised(new Request(address, init)),
    });
    source.addEventListener("open", () => {
      pauseMs = PAUSE_MS;
    });
    source.addEventListener("status", ({ data }) => listener.status(JSON.parse(data)));
    source.addEventListener("plan", listener.plan);
    source.addEventListener("deleted", listener.lost);
    source.addEventListener("error", ({ code }) => {
      listener.lost();
      // After a broken line it connects by itself, after a refusal it does not.
      if (source.readyState !== source.CLOSED || code === 404) return;
      again = setTimeout(open, pauseMs);
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    });
  };
  open();
  return () => {
    clearTimeout(again);
    source.close();
  };
}
