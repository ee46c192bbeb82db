interface Entry {
  value: string;
  title: string;
  lead?: string;
  /** Width by height, drawn as a small shape. */
  ratio?: number;
}

/** One of a few, as cards; a radio group to keyboards and screen readers. */
export function Choice({
  legend,
  value,
  entries,
  onChange,
}: {
  legend: string;
  value: string;
  entries: Entry[];
  onChange: (value: string) => void;
}) {
  return (
    <fieldset className={`choice ${entries.some((entry) => entry.lead) ? "wide" : ""}`}>
      <legend>{legend}</legend>
      {entries.map((entry) => (
        <label key={entry.value} className={entry.value === value ? "chosen" : ""}>
          <input
            type="radio"
            name={legend}
            value={entry.value}
            checked={entry.value === value}
            onChange={() => onChange(entry.value)}
          />
          {entry.ratio !== undefined && <Shape ratio={entry.ratio} />}
          <span className="title">{entry.title}</span>
          {entry.lead && <span className="muted small">{entry.lead}</span>}
        </label>
      ))}
    </fieldset>
  );
}

const SIDE = 22;

function Shape({ ratio }: { ratio: number }) {
  const width = ratio >= 1 ? SIDE : SIDE * ratio;
  const height = ratio >= 1 ? SIDE / ratio : SIDE;
  return (
    <svg className="shape" width={SIDE} height={SIDE} aria-hidden="true">
      <rect x={(SIDE - width) / 2} y={(SIDE - height) / 2} width={width} height={height} rx="3" />
    </svg>
  );
}
