import { type ReactNode, useEffect, useRef } from "react";
import { Link, useLocation, useRoute } from "wouter";
import { useReachable } from "../api/reachable";
import { useDraft } from "../draft";
import { words } from "../strings";
import { useHasUnmade } from "../unmade";
import { Confirm } from "./Confirm";

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
  const reachable = useReachable();
  const main = useRef<HTMLElement>(null);
  const [path] = useLocation();
  const shown = useRef(path);
  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    // As where a browser opens a page itself.
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [path]);
  return (
    <>
      <a className="skip" href="#content">
        {words.skip}
      </a>
      <header className="bar">
        <Link href="/" className="brand">
          <Mark />
          {words.product}
        </Link>
        <nav>
          {onSignOut && <SignOut onSignOut={onSignOut} />}
          {!composing && (
            <Link href="/new" className="button primary">
              {words.make}
            </Link>
          )}
        </nav>
      </header>
      {!reachable && (
        <p className="cut-off small" role="status">
          {words.cutOff}
        </p>
      )}
      <main id="content" tabIndex={-1} ref={main}>
        {children}
      </main>
    </>
  );
}

/** Asks first where something would be lost. */
function SignOut({ onSignOut }: { onSignOut: () => void }) {
  const { tray } = useDraft();
  const unmade = useHasUnmade();
  return (
    <Confirm
      label={words.signOut}
      className="button quiet"
      sure={tray.clips.length > 0 || unmade ? words.signOutSure : null}
      yes={words.signOut}
      busy={false}
      onYes={onSignOut}
    />
  );
}

/** The product's sign, which also stands where a picture is not there yet. */
export function Mark() {
  return (
    <span className="mark" aria-hidden="true">
      <i />
      <i />
      <i />
    </span>
  );
}
