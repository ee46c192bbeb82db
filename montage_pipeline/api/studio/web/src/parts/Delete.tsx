import { useRef } from "react";
import { useLocation } from "wouter";
import { useDelete } from "../api/queries";
import { words } from "../strings";
import { Problem } from "./Notice";

/** Deleting for good, once the person has said it twice. */
export function Delete({ id }: { id: string }) {
  const gone = useDelete(id);
  const dialog = useRef<HTMLDialogElement>(null);
  const [, go] = useLocation();
  return (
    <>
      <button type="button" className="button quiet" onClick={() => dialog.current?.showModal()}>
        {words.delete}
      </button>
      <dialog ref={dialog} className="card stack" aria-label={words.delete}>
        <p>{words.deleteSure}</p>
        {gone.error && <Problem problem={gone.error} />}
        <div className="row">
          <button
            type="button"
            className="button primary"
            disabled={gone.isPending}
            onClick={() => gone.mutate(undefined, { onSuccess: () => go("/") })}
          >
            {words.deleteYes}
          </button>
          <button type="button" className="button" onClick={() => dialog.current?.close()}>
            {words.cancelEdit}
          </button>
        </div>
      </dialog>
    </>
  );
}
