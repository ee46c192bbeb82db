import { useQueryClient } from "@tanstack/react-query";
import { EventSource } from "eventsource";
import { useEffect, useState } from "react";
import { storedToken } from "../session";
import type { Item } from "./client";

/** Keeps an item fresh by the server's events while it is made; true once its edit is planned. */
export function useWatched(id: string, generating: boolean): boolean {
  const client = useQueryClient();
  const [planned, setPlanned] = useState(false);
  useEffect(() => {
    if (!generating) return;
    const source = new EventSource(`/api/content-items/${id}/events`, {
      // The browser's own EventSource sends no token; this one takes the page's fetch.
      fetch: (address, init) =>
        fetch(address, {
          ...init,
          headers: { ...init.headers, Authorization: `Bearer ${storedToken() ?? ""}` },
        }),
    });
    source.addEventListener("status", (event) => {
      const status = JSON.parse(event.data) as Partial<Item>;
      client.setQueryData<Item>(["item", id], (item) => item && { ...item, ...status });
      // Clips, warnings and originality come with the whole item.
      if (status.status === "generating") return;
      void client.invalidateQueries({ queryKey: ["item", id] });
      void client.invalidateQueries({ queryKey: ["artefacts", id] });
    });
    source.addEventListener("plan", () => {
      setPlanned(true);
      void client.invalidateQueries({ queryKey: ["artefacts", id] });
    });
    // It connects again by itself; meanwhile the page says whether the server is there at all.
    source.addEventListener("error", () => {
      void client.invalidateQueries({ queryKey: ["item", id] });
    });
    return () => source.close();
  }, [client, id, generating]);
  return planned;
}
