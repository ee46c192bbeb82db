/** Who is signed in: a token from the address's fragment, the form or the page around. */

import { useSyncExternalStore } from "react";
import { embedded } from "./embedding";

interface Session {
  token: string | null;
  /** Whether the token was refused: what needs one waits for another. */
  expired: boolean;
}

const KEY = "montage.token";
const SIGNED_OUT: Session = { token: null, expired: false };

const listeners = new Set<() => void>();
let session = kept();

/** Takes `#token=…` out of the address, so that it is in no history entry and no link. */
export function signInByAddress(): void {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  history.replaceState(null, "", location.pathname + location.search);
  signIn(token);
}

export function useSession(): Session {
  return useSyncExternalStore(heard, () => session);
}

export function signIn(token: string): void {
  // In a frame the token stays in memory: the page around has it, and browsers may refuse storage.
  if (!embedded) sessionStorage.setItem(KEY, token);
  become({ token, expired: false });
}

export function signOut(): void {
  if (!embedded) sessionStorage.removeItem(KEY);
  become(SIGNED_OUT);
}

/** The API refused this token; nothing happens where another has taken its place. */
export function refuse(token: string): void {
  if (token !== session.token) return;
  if (!embedded) sessionStorage.removeItem(KEY);
  become({ token, expired: true });
}

/** A token of this person that is not known to be refused, once there is one; null once somebody
 * else is signed in, or nobody.
 */
export async function usableToken(
  person: string | null,
  signal: AbortSignal,
): Promise<string | null> {
  while (session.expired) await nextChange(signal);
  return signedIn() === person ? session.token : null;
}

export function signedIn(): string | null {
  return personOf(session.token);
}

/** Whose token it is: by its subject where it can be read, else by the token itself. */
export function personOf(token: string | null): string | null {
  const payload = token?.split(".")[1];
  if (!payload) return token;
  try {
    const text = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
    return (JSON.parse(text) as { sub?: string }).sub ?? token;
  } catch {
    return token;
  }
}

function kept(): Session {
  const token = embedded ? null : sessionStorage.getItem(KEY);
  return { token, expired: false };
}

function become(now: Session): void {
  session = now;
  for (const listener of [...listeners]) listener();
}

function heard(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function nextChange(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = heard(() => {
      end();
      resolve();
    });
    const give = () => {
      end();
      reject(signal.reason);
    };
    signal.addEventListener("abort", give, { once: true });
  });
}
