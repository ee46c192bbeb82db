import type { Cover } from "../api/client";
import { useChooseCover } from "../api/queries";
import { words } from "../strings";
import { Problem } from "./Notice";

/** The frames that could stand for the Reel; the chosen one is its poster. */
export function Covers({ id, covers }: { id: string; covers: Cover[] }) {
  const choose = useChooseCover(id);
  if (covers.length === 0) return null;
  return (
    <section>
      <h2>{words.covers}</h2>
      <div className="covers">
        {covers.map((cover) => (
          <button
            key={cover.rank}
            type="button"
            aria-pressed={cover.chosen}
            aria-label={words.coverAt(cover.rank, cover.timeSec)}
            title={cover.why}
            disabled={choose.isPending}
            onClick={() => choose.mutate(cover.rank)}
          >
            <img src={cover.url} alt="" />
          </button>
        ))}
      </div>
      {choose.error && <Problem problem={choose.error} />}
    </section>
  );
}
