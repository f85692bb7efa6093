import { Act, Card, Notice } from "../parts.tsx";
import { changeChain, connect, connection, isRightChain, poll, wallets } from "../session.ts";
import { texts } from "../texts.ts";

export function WalletCard() {
  const connected = connection.value;
  const facts = poll.value?.facts;
  if (connected) {
    return (
      <Card title={texts.wallet.title} done={facts !== undefined && isRightChain.value}>
        <p class="code">{texts.wallet.connected(connected.wallet.name, connected.account)}</p>
        {facts && !isRightChain.value && (
          <Notice bad>
            <p>{texts.wallet.wrong(connected.chainId, facts.chainId)}</p>
            <Act label={texts.wallet.change(facts.chainId)} act={() => void changeChain()} />
          </Notice>
        )}
      </Card>
    );
  }
  return (
    <Card title={texts.wallet.title}>
      <p>{texts.wallet.about}</p>
      {wallets.value.length === 0 && <p class="soft">{texts.wallet.none}</p>}
      <div class="row">
        {wallets.value.map((wallet) => (
          <Act
            key={wallet.id}
            label={texts.wallet.connect(wallet.name)}
            icon={wallet.icon}
            act={() => void connect(wallet)}
          />
        ))}
      </div>
    </Card>
  );
}
