// Wallets of this browser, as they announce themselves (EIP-6963), and the one they left in the window.
import type { Provider } from "@maci-nova/sdk";

/** A wallet. */
export interface Wallet {
  id: string;
  name: string;
  /** A picture as a data address, if it has one. */
  icon: string | undefined;
  provider: WalletProvider;
}

/** A provider that tells of changes. */
export interface WalletProvider extends Provider {
  on?(event: string, listener: (value: unknown) => void): void;
}

interface Announcement {
  info: { uuid: string; name: string; icon: string };
  provider: WalletProvider;
}

/** Has every wallet announce itself, and tells of each. */
export function discover(found: (wallet: Wallet) => void): void {
  let announced = false;
  window.addEventListener("eip6963:announceProvider", (event) => {
    const { info, provider } = (event as CustomEvent<Announcement>).detail;
    announced = true;
    const icon = info.icon.startsWith("data:image/") ? info.icon : undefined;
    found({ id: info.uuid, name: info.name, icon, provider });
  });
  window.dispatchEvent(new Event("eip6963:requestProvider"));
  const left = (window as { ethereum?: WalletProvider }).ethereum;
  setTimeout(() => {
    if (left && !announced) found({ id: "window", name: "Wallet", icon: undefined, provider: left });
  }, 300);
}

/** The accounts that a wallet lets this page see; with `ask`, it asks its owner. */
export async function accountsOf(provider: Provider, ask: boolean): Promise<`0x${string}`[]> {
  const accounts = await provider.request({ method: ask ? "eth_requestAccounts" : "eth_accounts" });
  return accounts as `0x${string}`[];
}

/** The chain that a wallet is on. */
export async function chainOf(provider: Provider): Promise<number> {
  return Number(await provider.request({ method: "eth_chainId" }));
}

/** Asks a wallet to change to a chain. */
export async function switchTo(provider: Provider, chainId: number): Promise<void> {
  const parameters = [{ chainId: `0x${chainId.toString(16)}` }];
  await provider.request({ method: "wallet_switchEthereumChain", params: parameters });
}
