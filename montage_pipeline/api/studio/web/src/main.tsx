import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { Route, Router, Switch } from "wouter";
import { isPassing } from "./api/client";
import { keepingLinks } from "./api/links";
import { askedAgain } from "./api/queries";
import { DraftProvider } from "./draft";
import { askForToken, embedded, onToken } from "./embedding";
import { Compose } from "./pages/Compose";
import { ItemPage } from "./pages/ItemPage";
import { Library } from "./pages/Library";
import { SignIn, Waiting } from "./pages/SignIn";
import { Frame } from "./parts/Frame";
import { Nothing } from "./parts/Notice";
import { personOf, signIn, signInByAddress, signOut, useSession } from "./session";
import { words } from "./strings";
import { UnmadeProvider } from "./unmade";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/player.css";
import "./styles/variants.css";
import "./styles/phone.css";

/** Between two questions for a token: the one that was given last was not accepted. */
const ASK_AGAIN_MS = 2000;

signInByAddress();

// A file that is dropped beside the place for it must not take the page's place.
window.addEventListener("dragover", (event) => {
  if (event.defaultPrevented) return;
  event.preventDefault();
  if (event.dataTransfer) event.dataTransfer.dropEffect = "none";
});

function Studio() {
  const { token, expired } = useSession();
  const signedIn = token !== null && !expired;

  useEffect(() => onToken(signIn), []);
  useEffect(() => {
    if (!embedded || signedIn) return;
    const ask = () => askForToken(expired ? "refused" : "missing");
    const asking = setTimeout(ask, expired ? ASK_AGAIN_MS : 0);
    return () => clearTimeout(asking);
  }, [signedIn, expired]);

  return (
    <>
      {/* Out of sight while a new token is asked for, and kept: nothing is lost by that. */}
      {token !== null && (
        <div hidden={!signedIn && !embedded} inert={!signedIn}>
          <Pages key={personOf(token)} />
        </div>
      )}
      {!signedIn && embedded && <Waiting above={token !== null} refused={expired} />}
      {!signedIn && !embedded && <SignIn expired={expired} onToken={signIn} />}
    </>
  );
}

/** What one person sees: nothing of it is left in memory for the next. */
function Pages() {
  const [client] = useState(newClient);
  return (
    <QueryClientProvider client={client}>
      <DraftProvider>
        <UnmadeProvider>
          <Router base="/studio">
            <Frame onSignOut={embedded ? null : signOut}>
              <Switch>
                <Route path="/new" component={Compose} />
                <Route path="/items/:id">{({ id }) => <ItemPage key={id} id={id} />}</Route>
                <Route path="/" component={Library} />
                <Route>
                  <Nothing title={words.noPage} lead={words.noPageLead} />
                </Route>
              </Switch>
            </Frame>
          </Router>
        </UnmadeProvider>
      </DraftProvider>
    </QueryClientProvider>
  );
}

function newClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: (count, problem) => isPassing(problem) && count < 3,
        refetchInterval: askedAgain(() => false),
        structuralSharing: keepingLinks,
      },
    },
  });
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <Studio />
  </StrictMode>,
);
