import { useState } from "react";
import type { Item, Options, Rendition } from "../api/client";
import { useRenderVariant, useVariants } from "../api/queries";
import { nameOf } from "../names";
import { save } from "../save";
import { words } from "../strings";
import { Problem } from "./Notice";

type Shape = Item["format"];

/** Previews of an edit, to play at once. */
export function Previews({ item }: { item: Item }) {
  const previews = item.renditions.filter((file) => file.preview);
  if (previews.length === 0) return null;
  return (
    <section className="stack">
      <h2>{words.previews}</h2>
      <div className="previews">
        {previews.map((file) => (
          <figure key={file.url}>
            <video
              controls
              playsInline
              src={file.url}
              poster={file.posterUrl}
              width={file.width}
              height={file.height}
              aria-label={words.previewOf(words.formats[file.format] ?? file.format)}
            />
            <figcaption className="muted small">
              {words.formats[file.format] ?? file.format} · {file.width} × {file.height}
            </figcaption>
          </figure>
        ))}
      </div>
    </section>
  );
}

/** The Reel in every format it was delivered in, and in those that it can still be. */
export function Formats({ item, options }: { item: Item; options: Options | undefined }) {
  const files = item.renditions.filter((file) => !file.preview);
  const variants = useVariants(item.id, item.planRequestId);
  const render = useRenderVariant(item.id);
  const [more, setMore] = useState<Shape[]>([]);
  const missing = (options?.formats ?? []).filter(
    (format) => !files.some((file) => file.format === format.name),
  );
  const others = files.filter((file) => file.format !== item.format);
  const canAdd = variants.isSuccess && files.length > 0 && missing.length > 0;
  if (others.length === 0 && !canAdd) return null;

  const toggle = (name: Shape) =>
    setMore((before) =>
      before.includes(name) ? before.filter((one) => one !== name) : [...before, name],
    );
  const deliver = () =>
    render.mutate({
      variant: variants.data?.chosen ?? 1,
      body: { preview: false, formats: [...others.map((file) => file.format), ...more] },
    });
  return (
    <details className="more" open={others.length > 0}>
      <summary>{words.otherFormats}</summary>
      <div className="stack">
        {others.length > 0 && (
          <div className="row">
            {others.map((file) => (
              <SaveFile key={file.url} file={file} name={nameOf(item)} />
            ))}
          </div>
        )}
        {canAdd && (
          <fieldset className="row plain">
            <legend className="muted small">{words.addFormats}</legend>
            {missing.map((format) => (
              <label className="check" key={format.name}>
                <input
                  type="checkbox"
                  checked={more.includes(format.name)}
                  onChange={() => toggle(format.name)}
                />
                <span>{words.formats[format.name] ?? format.name}</span>
              </label>
            ))}
            <button
              type="button"
              className="button"
              disabled={more.length === 0 || render.isPending}
              onClick={deliver}
            >
              {words.deliverFormats}
            </button>
          </fieldset>
        )}
        {render.error && <Problem problem={render.error} />}
      </div>
    </details>
  );
}

function SaveFile({ file, name }: { file: Rendition; name: string }) {
  const [saving, setSaving] = useState(false);
  return (
    <button
      type="button"
      className="button"
      disabled={saving}
      onClick={() => {
        setSaving(true);
        void save(file.url, `${name}-${file.format}.mp4`).finally(() => setSaving(false));
      }}
    >
      {words.downloadFormat(words.formats[file.format] ?? file.format)}
    </button>
  );
}
