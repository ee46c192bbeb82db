import { Link } from "wouter";
import { words } from "../strings";

/** What went wrong with a call, and the way to try again. */
export function Problem({ problem, onRetry }: { problem: Error; onRetry?: () => void }) {
  return (
    <div className="notice bad" role="alert">
      <p>{problem.message}</p>
      {onRetry && (
        <button className="button" onClick={onRetry}>
          {words.retry}
        </button>
      )}
    </div>
  );
}

/** A place with nothing in it, and the way on from there. */
export function Nothing({ title, lead }: { title: string; lead: string }) {
  return (
    <section className="empty">
      <h1>{title}</h1>
      <p className="muted">{lead}</p>
      <Link href="/" className="button primary">
        {words.back}
      </Link>
    </section>
  );
}

export function Loading() {
  return (
    <p className="loading" role="status">
      {words.loading}
    </p>
  );
}
