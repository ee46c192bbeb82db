import { useEffect } from "react";
import { words } from "./strings";

/** Names the page in the tab, the history and to screen readers. */
export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · ${words.product}`;
  }, [title]);
}
