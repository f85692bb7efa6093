// A wallet in a page: EIP-1193 over the node's own accounts, announced as EIP-6963 says. What it shall
// do is said in `window.wallet`: decline, hang, be on another chain.
export function wallet({ url, account, chainId, name }) {
  const listeners = {};
  const tell = (event, value) => (listeners[event] ?? []).forEach((listener) => listener(value));
  const state = {
    decline: false,
    hang: false,
    chainId: Number(localStorage.getItem("wallet-chain") ?? chainId),
    asked: [],
    sent: [],
    async change(to) {
      state.chainId = to;
      localStorage.setItem("wallet-chain", to);
      tell("chainChanged", `0x${to.toString(16)}`);
    },
  };
  window.wallet = state;
  const error = (code, message) => Object.assign(new Error(message), { code });
  async function node(method, params) {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: params ?? [] });
    const answer = await (await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body })).json();
    if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error);
    return answer.result;
  }
  const isOwners = ["eth_sendTransaction", "personal_sign", "eth_requestAccounts", "wallet_switchEthereumChain"];
  const provider = {
    on: (event, listener) => (listeners[event] ??= []).push(listener),
    async request({ method, params }) {
      state.asked.push(method);
      if (isOwners.includes(method)) {
        if (state.hang) return new Promise(() => undefined);
        if (state.decline) throw error(4001, "User rejected the request.");
      }
      switch (method) {
        case "eth_chainId":
          return `0x${state.chainId.toString(16)}`;
        case "eth_accounts":
          return localStorage.getItem("wallet-lets") ? [account] : [];
        case "eth_requestAccounts":
          localStorage.setItem("wallet-lets", "1");
          return [account];
        case "wallet_switchEthereumChain":
          return state.change(Number(params[0].chainId)).then(() => null);
        case "eth_sendTransaction": {
          const hash = await node(method, params);
          state.sent.push(hash);
          return hash;
        }
        default:
          return node(method, params);
      }
    },
  };
  const icon = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E%3Crect width='8' height='8' fill='orange'/%3E%3C/svg%3E";
  const info = { uuid: `wallet-of-${account}`, name, icon, rdns: "example.wallet" };
  const announce = () =>
    window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
}
