import { useState } from "react";
import { words } from "../strings";

export function SignIn({ expired, onToken }: { expired: boolean; onToken: (token: string) => void }) {
  const [text, setText] = useState("");
  return (
    <main className="sign-in">
      <form
        className="card stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim()) onToken(text.trim());
        }}
      >
        <h1>{words.product}</h1>
        {expired && (
          <p className="notice bad" role="alert">
            {words.expired}
          </p>
        )}
        <p className="muted">{words.signInLead}</p>
        <label className="field">
          <span>{words.token}</span>
          <input
            type="password"
            autoComplete="off"
            spellCheck={false}
            autoFocus
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        <button className="button primary" disabled={!text.trim()}>
          {words.signIn}
        </button>
      </form>
    </main>
  );
}

/** While the page around fetches a token; `above` what was there with the one before. */
export function Waiting({ above, refused }: { above: boolean; refused: boolean }) {
  const said = (
    <p className={above ? "notice" : "muted"} role="status">
      {refused ? words.tokenRefused : words.signingIn}
    </p>
  );
  return above ? <div className="waiting">{said}</div> : <main className="sign-in">{said}</main>;
}
