import { fileNameOf } from "../api/parts";
import { useBegunUploads, useForgetUpload } from "../api/queries";
import type { Tray } from "../clips";
import { words } from "../strings";

/** Files of an earlier visit that were not sent whole: chosen again, they go on. */
export function BegunUploads({ tray }: { tray: Tray }) {
  const uploads = useBegunUploads();
  const forget = useForgetUpload();
  const names = new Set(tray.clips.map((clip) => clip.name));
  const begun = (uploads.data?.uploads ?? [])
    .map(({ id }) => ({ id, name: fileNameOf(id) }))
    // What was begun in another browser only that one can go on with.
    .flatMap(({ id, name }) => (name === undefined || names.has(name) ? [] : [{ id, name }]));
  if (begun.length === 0) return null;
  return (
    <div className="notice">
      <p>{words.begunUploads}</p>
      <ul className="plain">
        {begun.map(({ id, name }) => (
          <li key={id} className="row">
            <span className="grow name" dir="auto">
              {name}
            </span>
            <button
              type="button"
              className="button quiet"
              aria-label={`${words.forget} ${name}`}
              disabled={forget.isPending}
              onClick={() => forget.mutate(id)}
            >
              {words.forget}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
