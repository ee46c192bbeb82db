import { onlineManager, type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useCallback, useSyncExternalStore } from "react";
import { isPassing } from "./client";

/** Whether what is on the page can be kept fresh: not without a line, nor while the server is gone. */
export function useReachable(): boolean {
  const client = useQueryClient();
  const subscribe = useCallback(
    (notify: () => void) => {
      const ends = [client.getQueryCache().subscribe(notify), onlineManager.subscribe(notify)];
      return () => ends.forEach((end) => end());
    },
    [client],
  );
  return useSyncExternalStore(subscribe, () => onlineManager.isOnline() && !isCutOff(client));
}

/** What has nothing to show yet says so itself, in its own place. */
function isCutOff(client: QueryClient): boolean {
  return client.getQueryCache().getAll().some((query) => {
    const { data, error, fetchFailureReason } = query.state;
    const failure = fetchFailureReason ?? error;
    return query.isActive() && data !== undefined && failure !== null && isPassing(failure);
  });
}
