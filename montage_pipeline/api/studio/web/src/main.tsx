import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import { Route, Router, Switch } from "wouter";
import { ApiProblem } from "./api/client";
import { Compose } from "./pages/Compose";
import { ItemPage } from "./pages/ItemPage";
import { Library } from "./pages/Library";
import { SignIn } from "./pages/SignIn";
import { Frame } from "./parts/Frame";
import { forgetToken, storedToken, storeToken, tokenFromAddress } from "./session";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/variants.css";

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

  // Anew for each token: nothing of one person is left in memory for the next.
  const client = useMemo(
    () =>
      new QueryClient({
        queryCache: new QueryCache({
          onError: (problem) => {
            if (problem instanceof ApiProblem && problem.status === 401) signOut("expired");
          },
        }),
        defaultOptions: { queries: { retry: retries, refetchOnWindowFocus: true } },
      }),
    [token],
  );

  if (token === null) return <SignIn expired={expired} onToken={signIn} />;
  return (
    <QueryClientProvider client={client}>
      <Router base="/studio">
        <Frame onSignOut={() => signOut("asked")}>
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
  const passing = !(problem instanceof ApiProblem) || problem.status === 0 || problem.status >= 500;
  return passing && count < 3;
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <Studio />
  </StrictMode>,
);
