import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode, useEffect, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import { Route, Router, Switch } from "wouter";
import { ApiProblem, isPassing } from "./api/client";
import { askForToken, embedded, onToken } from "./embedding";
import { askedAgain } from "./api/queries";
import { Compose } from "./pages/Compose";
import { ItemPage } from "./pages/ItemPage";
import { Library } from "./pages/Library";
import { SignIn, Waiting } from "./pages/SignIn";
import { Frame } from "./parts/Frame";
import { forgetToken, storedToken, storeToken, tokenFromAddress } from "./session";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/variants.css";

/** Between two questions for a token: the one that was given last was not accepted. */
const ASK_AGAIN_MS = 2000;

tokenFromAddress();

function Studio() {
  const [token, setToken] = useState(storedToken);
  const [expired, setExpired] = useState(false);

  const signOut = (because: "asked" | "expired") => {
    forgetToken();
    setExpired(because === "expired");
    setToken(null);
  };
  const signIn = (given: string) => {
    storeToken(given);
    setExpired(false);
    setToken(given);
  };

  useEffect(() => onToken(signIn), []);
  useEffect(() => {
    if (!embedded || token !== null) return;
    const asking = setTimeout(askForToken, expired ? ASK_AGAIN_MS : 0);
    return () => clearTimeout(asking);
  }, [token, expired]);

  // Anew for each token: nothing of one person is left in memory for the next.
  const client = useMemo(
    () =>
      new QueryClient({
        queryCache: new QueryCache({
          onError: (problem) => {
            if (problem instanceof ApiProblem && problem.status === 401) signOut("expired");
          },
        }),
        defaultOptions: {
          queries: { retry: retries, refetchInterval: askedAgain(() => false) },
        },
      }),
    [token],
  );

  if (token === null && embedded) return <Waiting />;
  if (token === null) return <SignIn expired={expired} onToken={signIn} />;
  return (
    <QueryClientProvider client={client}>
      <Router base="/studio">
        <Frame onSignOut={embedded ? null : () => signOut("asked")}>
          <Switch>
            <Route path="/new" component={Compose} />
            <Route path="/items/:id">{({ id }) => <ItemPage key={id} id={id} />}</Route>
            <Route component={Library} />
          </Switch>
        </Frame>
      </Router>
    </QueryClientProvider>
  );
}

/** No answer is worth asking again; a refusal stays one. */
function retries(count: number, problem: Error): boolean {
  return isPassing(problem) && count < 3;
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <Studio />
  </StrictMode>,
);
