import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { Act, Card, Field, Notice } from "../parts.tsx";
import "../results-element.ts";
import type { ResultsElement } from "../results-element.ts";
import { metadata, status, verified, verify } from "../session.ts";
import { texts } from "../texts.ts";

export function ResultsCard() {
  const place = useRef<ResultsElement>(null);
  const digest = useSignal("");
  const checked = verified.value;
  // What was checked, once it was; a node may say something else in between.
  const results = checked ?? status.value?.results;
  const names = metadata.value;
  useEffect(() => {
    if (place.current && results) place.current.show(results, names);
  }, [results, names]);
  return (
    <Card title={texts.results.title} done={checked !== null}>
      <maci-nova-results ref={place} />
      {checked ? (
        <>
          <p class="good">{texts.results.checked(checked.voters, checked.messages)}</p>
          <p>{texts.results.rests(checked.keyDigest)}</p>
          {checked.insecure && <Notice>{texts.results.insecure(checked.insecure)}</Notice>}
          {checked.unknownGatekeeper && <Notice>{texts.results.unknownGatekeeper}</Notice>}
          {checked.unknownCredits && <Notice>{texts.results.unknownCredits}</Notice>}
        </>
      ) : (
        <>
          <p class="soft">{texts.results.unchecked}</p>
          <Field label={texts.results.digest} value={digest.value} change={(value) => (digest.value = value)} />
          <div class="row">
            <Act label={texts.results.check} act={() => void verify(digest.value)} />
          </div>
        </>
      )}
    </Card>
  );
}

declare module "preact" {
  namespace JSX {
    interface IntrinsicElements {
      "maci-nova-results": HTMLAttributes<ResultsElement>;
    }
  }
}
