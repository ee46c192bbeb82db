import { type ReactNode, useRef } from "react";
import { words } from "../strings";

/** A button that does something only once the person has said it twice, where there is something to
 * ask.
 */
export function Confirm({
  label,
  className,
  sure,
  yes,
  busy,
  onYes,
  children,
}: {
  label: string;
  className: string;
  /** What is asked, null where nothing would be lost; and the answer that does it. */
  sure: string | null;
  yes: string;
  busy: boolean;
  /** Given a function that closes the question. */
  onYes: (close: () => void) => void;
  /** What went wrong. */
  children?: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const close = () => dialog.current?.close();
  return (
    <>
      <button
        type="button"
        className={className}
        ref={opener}
        disabled={busy}
        onClick={() => (sure === null ? onYes(close) : dialog.current?.showModal())}
      >
        {label}
      </button>
      <dialog
        ref={dialog}
        className="card stack"
        aria-label={label}
        onClose={() => opener.current?.focus()}
      >
        <p>{sure}</p>
        {children}
        <div className="row">
          <button
            type="button"
            className="button primary"
            disabled={busy}
            onClick={() => onYes(close)}
          >
            {yes}
          </button>
          {/* Pressed twice, the key that opened the question answers it with no. */}
          <button type="button" className="button" autoFocus onClick={close}>
            {words.cancelEdit}
          </button>
        </div>
      </dialog>
    </>
  );
}
