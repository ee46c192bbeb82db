import type { Item } from "./api/client";
import { words } from "./strings";

/** What a Reel is called: its title, else its style and when it was made. */
export function nameOf(item: Item): string {
  return item.title ?? words.untitled(item.style, new Date(item.createdAt));
}
