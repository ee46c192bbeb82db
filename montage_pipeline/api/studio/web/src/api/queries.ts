import {
  type InfiniteData,
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useRef } from "react";
import {
  answered,
  api,
  isPassing,
  type Change,
  type ChangeList,
  type NewItem,
  type Page,
  type RenderOrder,
  type Wishes,
} from "./client";
import { keepingLinksOfTheSame } from "./links";

const POLL_MS = 2000;

/** Beside the server's events, for what a proxy may keep from the page. */
const RARE_POLL_MS = 10_000;

/** Items of the library at a time; the API gives no more. */
const PAGE = 100;

/** How often something is asked for: as its state says, and soon where the server did not answer. */
export function askedAgain<T>(usually: (data: T | undefined) => number | false) {
  return ({ state }: { state: { data?: T; error: Error | null } }): number | false =>
    state.error && isPassing(state.error) ? POLL_MS : usually(state.data);
}

/** What went wrong, until an answer comes: being asked again does not take it from the page. */
export function useLastProblem(query: { isSuccess: boolean; error: Error | null }): Error | null {
  const last = useRef<Error | null>(null);
  if (query.isSuccess || query.error) last.current = query.error;
  return last.current;
}

export function useOptions() {
  return useQuery({
    queryKey: ["options"],
    queryFn: () => answered(api.GET("/api/options")),
    staleTime: Infinity,
  });
}

/** The person's Reels, the newest first, a page at a time. */
export function useLibrary() {
  return useInfiniteQuery({
    queryKey: ["library"],
    queryFn: ({ pageParam }) =>
      answered(
        api.GET("/api/content-items", { params: { query: { limit: PAGE, before: pageParam } } }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextBefore,
    refetchInterval: askedAgain((library) => {
      const pages = library?.pages ?? [];
      const making = pages.some((page) => page.items.some((item) => item.status === "generating"));
      // Every page is asked for again.
      return making && (pages.length > 1 ? RARE_POLL_MS : POLL_MS);
    }),
  });
}

export function useItem(id: string) {
  return useQuery({
    queryKey: ["item", id],
    queryFn: () =>
      answered(
        api.GET("/api/content-items/{contentItemId}", { params: { path: { contentItemId: id } } }),
      ),
    refetchInterval: askedAgain((item) => (item?.status === "generating" ? RARE_POLL_MS : false)),
  });
}

/** What shows the edit of a request: there once it is planned, before it is rendered. */
export function useArtefacts(id: string, requestId: string | null) {
  return useQuery({
    queryKey: ["artefacts", id, requestId],
    enabled: requestId !== null,
    placeholderData: keepPreviousData,
    // Made again by hand, a request writes the same files anew.
    structuralSharing: keepingLinksOfTheSame,
    queryFn: () =>
      answered(
        api.GET("/api/content-items/{contentItemId}/artefacts", {
          params: { path: { contentItemId: id }, query: { requestId } },
        }),
      ),
  });
}

/** The edits of a plan; asked for anew with every plan. */
export function useVariants(id: string, plan: string | null) {
  return useQuery({
    queryKey: ["variants", id, plan],
    enabled: plan !== null,
    structuralSharing: keepingLinksOfTheSame,
    retry: false,
    queryFn: () =>
      answered(
        api.GET("/api/content-items/{contentItemId}/variants", {
          params: { path: { contentItemId: id } },
        }),
      ),
  });
}

/** Choosing an edit; the server answers the same choice with the same request. */
export function useRenderVariant(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ variant, body }: { variant: number; body: RenderOrder }) =>
      answered(
        api.POST("/api/content-items/{contentItemId}/variants/{variant}/render", {
          params: { path: { contentItemId: id, variant } },
          body,
        }),
      ),
    onSuccess: () => {
      for (const key of ["item", "artefacts", "variants"]) {
        void client.invalidateQueries({ queryKey: [key, id] });
      }
    },
  });
}

export function useRename(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (title: string) =>
      answered(
        api.PATCH("/api/content-items/{contentItemId}", {
          params: { path: { contentItemId: id } },
          body: { title: title.trim() || null },
        }),
      ),
    onSuccess: (item) => {
      client.setQueryData(["item", id], item);
      void client.invalidateQueries({ queryKey: ["library"] });
    },
  });
}

export function useCancel(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () =>
      answered(
        api.POST("/api/content-items/{contentItemId}/cancel", {
          params: { path: { contentItemId: id } },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: ["item", id] }),
  });
}

export function useDelete(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () =>
      answered(
        api.DELETE("/api/content-items/{contentItemId}", {
          params: { path: { contentItemId: id } },
        }),
      ),
    onSuccess: () => {
      // It is not shown for the moment until the library is asked for again.
      client.setQueryData<InfiniteData<Page>>(["library"], (library) =>
        library && { ...library, pages: library.pages.map((page) => without(page, id)) },
      );
      void client.invalidateQueries({ queryKey: ["library"] });
    },
  });
}

function without(page: Page, id: string): Page {
  return { ...page, items: page.items.filter((item) => item.id !== id) };
}

export function useChooseCover(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (rank: number) =>
      answered(
        api.PUT("/api/content-items/{contentItemId}/poster", {
          params: { path: { contentItemId: id } },
          body: { rank },
        }),
      ),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["item", id] });
      void client.invalidateQueries({ queryKey: ["artefacts", id] });
      void client.invalidateQueries({ queryKey: ["library"] });
    },
  });
}

/** Files that were not sent whole. */
export function useBegunUploads() {
  return useQuery({
    queryKey: ["uploads"],
    queryFn: () => answered(api.GET("/api/uploads/multipart")),
  });
}

export function useForgetUpload() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (uploadId: string) =>
      answered(api.DELETE("/api/uploads/multipart/{uploadId}", { params: { path: { uploadId } } })),
    onSettled: () => client.invalidateQueries({ queryKey: ["uploads"] }),
  });
}

export function useCosts(id: string) {
  return useQuery({
    queryKey: ["costs", id],
    queryFn: () => answered(api.GET("/api/costs", { params: { query: { contentItemId: id } } })),
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
  // The same click again, should its answer have been lost.
  const click = useRef({ asked: "", key: "" });
  return useMutation({
    mutationFn: (wishes?: Wishes) => {
      const asked = JSON.stringify(wishes ?? null);
      if (click.current.asked !== asked) click.current = { asked, key: crypto.randomUUID() };
      const header = { "Idempotency-Key": click.current.key };
      return answered(
        api.POST("/api/content-items/{contentItemId}/generate", {
          ...(wishes && { body: wishes }),
          params: { path: { contentItemId: id }, header },
        }),
      );
    },
    onSuccess: () => {
      click.current = { asked: "", key: "" };
      void client.invalidateQueries({ queryKey: ["item", id] });
      void client.invalidateQueries({ queryKey: ["artefacts", id] });
    },
  });
}

/** What changes would come to; asked again with every change of the list. */
export function useChangeOutcome(id: string, baseRequestId: string, changes: Change[]) {
  return useQuery({
    queryKey: ["changes", id, baseRequestId, changes],
    enabled: changes.length > 0,
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: () =>
      answered(
        api.POST("/api/content-items/{contentItemId}/changes/preview", {
          params: { path: { contentItemId: id } },
          body: { baseRequestId, changes },
        }),
      ),
  });
}

export function useChangeSegments(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ body, click }: { body: ChangeList; click: string }) =>
      answered(
        api.POST("/api/content-items/{contentItemId}/changes", {
          params: { path: { contentItemId: id }, header: { "Idempotency-Key": click } },
          body,
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: ["item", id] }),
  });
}
