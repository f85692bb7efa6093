import type { Evidence } from "@maci-nova/sdk";
import { useSignal } from "@preact/signals";

import { Act, Card, Field, Notice, Wrong } from "../parts.tsx";
import { poll, signUp, voter } from "../session.ts";
import { texts } from "../texts.ts";

export function SignUpCard() {
  const signedUp = voter.value?.signedUp;
  const evidence = poll.value?.facts.evidence;
  if (signedUp) {
    return (
      <Card title={texts.signUp.title} done>
        <p>{texts.signUp.done(signedUp.index)}</p>
        {voter.value?.inTime === false && <Notice bad>{texts.signUp.late}</Notice>}
      </Card>
    );
  }
  return evidence ? <Form evidence={evidence} /> : null;
}

function Form({ evidence }: { evidence: Evidence }) {
  const value = useSignal("");
  const wrong = useSignal("");
  const act = () => {
    const read = data(evidence, value.value.trim());
    wrong.value = "problem" in read ? read.problem : "";
    if ("data" in read) void signUp(read.data);
  };
  return (
    <Card title={texts.signUp.title}>
      <p>{texts.signUp.about}</p>
      <Wanted evidence={evidence} value={value.value} type={(text) => (value.value = text)} />
      <Wrong text={wrong} />
      <div class="row">
        <Act label={texts.signUp.act} act={act} />
      </div>
    </Card>
  );
}

function Wanted({ evidence, value, type }: { evidence: Evidence; value: string; type: (value: string) => void }) {
  switch (evidence.kind) {
    case "nothing":
      return <p>{texts.signUp.nothing}</p>;
    case "token":
      return (
        <Field label={texts.signUp.tokenId} value={value} change={type} about={texts.signUp.token(evidence.token)} />
      );
    case "policy":
      return <Field label={texts.signUp.data} value={value} change={type} about={texts.signUp.policy(evidence.policy)} />;
    case "unknown":
      return (
        <Field label={texts.signUp.data} value={value} change={type} about={texts.signUp.unknown(evidence.gatekeeper)} />
      );
  }
}

/** What the gatekeeper is given: a token's number as a word, or what was typed. */
function data(evidence: Evidence, value: string): { data: string } | { problem: string } {
  if (evidence.kind === "nothing") return { data: "0x" };
  if (evidence.kind === "token") {
    if (!/^[0-9]{1,77}$/.test(value)) return { problem: texts.signUp.tokenWrong };
    return { data: `0x${BigInt(value).toString(16).padStart(64, "0")}` };
  }
  if (value === "") return { data: "0x" };
  return /^0x([0-9a-f]{2})*$/i.test(value) ? { data: value } : { problem: texts.signUp.dataWrong };
}
