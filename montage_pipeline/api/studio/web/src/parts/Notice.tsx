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

export function Loading() {
  return (
    <p className="loading" role="status">
      {words.loading}
    </p>
  );
}
