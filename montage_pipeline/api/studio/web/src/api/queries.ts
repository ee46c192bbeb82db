import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answered, api, type NewItem } from "./client";

/** Progress moves about this often. */
const POLL_MS = 2000;

export function useOptions() {
  return useQuery({
    queryKey: ["options"],
    queryFn: () => answered(api.GET("/api/options")),
    staleTime: Infinity,
  });
}

export function useLibrary() {
  return useQuery({
    queryKey: ["library"],
    queryFn: () => answered(api.GET("/api/content-items", { params: { query: { limit: 100 } } })),
    refetchInterval: (query) =>
      query.state.data?.items.some((item) => item.status === "generating") ? POLL_MS : false,
  });
}

export function useItem(id: string) {
  return useQuery({
    queryKey: ["item", id],
    queryFn: () =>
      answered(
        api.GET("/api/content-items/{contentItemId}", { params: { path: { contentItemId: id } } }),
      ),
    refetchInterval: (query) => (query.state.data?.status === "generating" ? POLL_MS : false),
  });
}

export function useCosts() {
  return useQuery({
    queryKey: ["costs"],
    queryFn: () => answered(api.GET("/api/costs")),
  });
}

export function useMake() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ body, click }: { body: NewItem; click: string }) =>
      answered(
        api.POST("/api/content-items", { body, params: { header: { "Idempotency-Key": click } } }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: ["library"] }),
  });
}

export function useMakeAgain(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (click: string) =>
      answered(
        api.POST("/api/content-items/{contentItemId}/generate", {
          params: { path: { contentItemId: id }, header: { "Idempotency-Key": click } },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: ["item", id] }),
  });
}
