/** The person's token: handed over in the address's fragment or by the page around, kept for the tab. */

import { embedded } from "./embedding";

const KEY = "montage.token";

/** In a frame the token stays in memory: the page around has it, and browsers may refuse storage. */
let held: string | null = null;

/** Takes `#token=…` out of the address, so that it is in no history entry and no link. */
export function tokenFromAddress(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) {
    storeToken(token);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return token;
}

export function storedToken(): string | null {
  return embedded ? held : sessionStorage.getItem(KEY);
}

export function storeToken(token: string): void {
  if (embedded) held = token;
  else sessionStorage.setItem(KEY, token);
}

export function forgetToken(): void {
  if (embedded) held = null;
  else sessionStorage.removeItem(KEY);
}
