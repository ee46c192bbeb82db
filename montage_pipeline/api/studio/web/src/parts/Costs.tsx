import type { CostRow } from "../api/client";
import { useCosts } from "../api/queries";
import { words } from "../strings";
import { Problem } from "./Notice";

/** What this Reel cost, call by call; what was used again cost nothing, and says so. */
export function Costs({ id }: { id: string }) {
  const costs = useCosts(id);
  if (costs.isLoadingError)
    return <Problem problem={costs.error} onRetry={() => costs.refetch()} />;
  if (!costs.data) return null;
  const { rows, totalUsd } = costs.data;
  return (
    <details className="more">
      <summary>{words.costs}</summary>
      {rows.length === 0 ? (
        <p className="muted small">{words.costNone}</p>
      ) : (
        <div className="scrolled" role="region" aria-label={words.costs} tabIndex={0}>
          <table className="calls small">
            <thead>
              <tr>
                <th scope="col">{words.costWhen}</th>
                <th scope="col">{words.costCall}</th>
                <th scope="col">{words.costUsd}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.id}>
                  <td>{words.moment(new Date(row.createdAt))}</td>
                  <td>
                    {words.services[row.service] ?? row.service}{" "}
                    <span className="muted">{row.endpoint}</span> {stateOf(row)}
                  </td>
                  <td>{row.costUsd}</td>
                </tr>
              ))}
            </tbody>
            <tfoot>
              <tr>
                <th scope="row" colSpan={2}>
                  {words.costTotal}
                </th>
                <td>{totalUsd}</td>
              </tr>
            </tfoot>
          </table>
        </div>
      )}
    </details>
  );
}

function stateOf(row: CostRow) {
  const said = "reused_from" in row.usage ? words.costReused : words.costStates[row.state];
  return said ? <span className="muted">({said})</span> : null;
}
