import type { Item, Variant } from "../api/client";
import { useRenderVariant, useVariants } from "../api/queries";
import { words } from "../strings";
import { Loading, Problem } from "./Notice";

/** The edits of a plan side by side; one of them is chosen, or previewed first. */
export function Variants({ item }: { item: Item }) {
  const plan = item.planRequestId;
  const waits = item.generatedMediaUrl === null;
  const variants = useVariants(item.id, plan);
  const render = useRenderVariant(item.id);
  if (plan === null || (variants.isPending && !waits)) return null;
  if (variants.isPending) return <Loading />;
  // A Reel whose plan has expired is as good as before; a plan that has is not.
  if (variants.isError) return waits ? <Problem problem={variants.error} /> : null;
  const { chosen, notes } = variants.data;
  const found = variants.data.variants;
  if (!waits && found.length < 2) return null;

  const pick = (variant: Variant, preview: boolean) =>
    render.mutate({ variant: variant.variant, body: { preview, formats: item.wishes.formats } });
  const several = chosen === null ? words.variants : words.variantsChosen;
  const heading = found.length > 1 ? several : words.variantOne;
  return (
    <section className="stack" aria-label={heading}>
      <h2>{heading}</h2>
      {render.error && <Problem problem={render.error} />}
      <ul className="plain variants">
        {found.map((variant) => (
          <li key={variant.variant} className="card stack">
            {found.length > 1 && (
              <h3>
                {words.variant(variant.variant)}
                {chosen === variant.variant && <span className="chip">{words.variantChosen}</span>}
              </h3>
            )}
            {variant.storyboardUrl && (
              <a href={variant.storyboardUrl} target="_blank" rel="noreferrer">
                <img src={variant.storyboardUrl} alt={words.storyboardOf(variant.variant)} />
              </a>
            )}
            <p className="muted small">
              {words.variantFacts(variant.segments, variant.clips, variant.durationSec)}
              {variant.variant > 1 && ` ${words.variantShared(variant.shared)}`}
            </p>
            <div className="row">
              <button
                type="button"
                className="button"
                disabled={render.isPending}
                onClick={() => pick(variant, true)}
              >
                {words.preview}
              </button>
              <button
                type="button"
                className={chosen === variant.variant && !waits ? "button" : "button primary"}
                disabled={render.isPending}
                onClick={() => pick(variant, false)}
              >
                {words.makeThis}
              </button>
            </div>
          </li>
        ))}
      </ul>
      {notes.map((note) => (
        <p key={note} className="muted small">
          {note}
        </p>
      ))}
    </section>
  );
}
