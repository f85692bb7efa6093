import { useSignal } from "@preact/signals";

import { Act, Card, Field } from "../parts.tsx";
import { nodeUrl, relayerUrl, useNode } from "../session.ts";
import { texts } from "../texts.ts";

export function RelayerCard() {
  return (
    <Card title={texts.relayer.title}>
      <p>{texts.relayer.about}</p>
      <Field
        label={texts.relayer.address}
        type="url"
        value={relayerUrl.value}
        change={(url) => (relayerUrl.value = url.trim())}
      />
    </Card>
  );
}

export function NodeCard() {
  const url = useSignal(nodeUrl.value);
  return (
    <Card title={texts.node.title}>
      <p>{texts.node.about}</p>
      {nodeUrl.value && <p class="code">{texts.node.now(nodeUrl.value)}</p>}
      <Field label={texts.node.address} type="url" value={url.value} change={(value) => (url.value = value)} />
      <div class="row">
        <Act plain label={texts.node.use} act={() => void useNode(url.value)} />
      </div>
    </Card>
  );
}
