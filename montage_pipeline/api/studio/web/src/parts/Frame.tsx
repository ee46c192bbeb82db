import type { ReactNode } from "react";
import { Link, useRoute } from "wouter";
import { words } from "../strings";

/** What is around every page: the name, the ways, the content. */
export function Frame({
  onSignOut,
  children,
}: {
  /** Null where the page around signs people in and out. */
  onSignOut: (() => void) | null;
  children: ReactNode;
}) {
  const [composing] = useRoute("/new");
  return (
    <>
      <a className="skip" href="#content">
        {words.skip}
      </a>
      <header className="bar">
        <Link href="/" className="brand">
          <span className="mark" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          {words.product}
        </Link>
        <nav>
          {onSignOut && (
            <button className="button quiet" onClick={onSignOut}>
              {words.signOut}
            </button>
          )}
          {!composing && (
            <Link href="/new" className="button primary">
              {words.make}
            </Link>
          )}
        </nav>
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}
