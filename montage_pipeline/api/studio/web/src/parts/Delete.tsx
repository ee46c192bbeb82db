import { useLocation } from "wouter";
import { useDelete } from "../api/queries";
import { words } from "../strings";
import { Confirm } from "./Confirm";
import { Problem } from "./Notice";

/** Deleting for good. */
export function Delete({ id }: { id: string }) {
  const gone = useDelete(id);
  const [, go] = useLocation();
  return (
    <Confirm
      label={words.delete}
      className="button quiet"
      sure={words.deleteSure}
      yes={words.deleteYes}
      busy={gone.isPending}
      onYes={() => gone.mutate(undefined, { onSuccess: () => go("/") })}
    >
      {gone.error && <Problem problem={gone.error} />}
    </Confirm>
  );
}
