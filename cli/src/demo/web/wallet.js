// Wallets for the demo alone: accounts of its chain, which sign whatever their owner says yes to.
(() => {
  const icon =
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E%3Ccircle cx='4' cy='4' r='4' fill='%23d9822b'/%3E%3C/svg%3E";
  const node = new URL("node", document.baseURI);

  const refused = (code, message) => Object.assign(new Error(message), { code });

  async function ask(method, params = []) {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const answer = await (await fetch(node, { method: "POST", headers: { "content-type": "application/json" }, body })).json();
    if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error);
    return answer.result;
  }

  function agreed(text) {
    if (!confirm(`Demo wallet\n\n${text}`)) throw refused(4001, "declined");
  }

  // The same text of the same account gives the same, as with a real wallet; it proves nothing.
  async function sign(account, text) {
    const bytes = new TextEncoder().encode(`${account}${text}`);
    const half = new Uint8Array(await crypto.subtle.digest("SHA-512", bytes));
    return `0x${Array.from(half, (byte) => byte.toString(16).padStart(2, "0")).join("")}1b`;
  }

  function provider(person) {
    const mine = async () => (await ask("eth_accounts"))[person];
    const key = `demo-wallet-${person}`;
    return {
      on() {},
      async request({ method, params }) {
        switch (method) {
          case "eth_accounts":
            return localStorage.getItem(key) ? [await mine()] : [];
          case "eth_requestAccounts":
            localStorage.setItem(key, "1");
            return [await mine()];
          case "wallet_switchEthereumChain":
            return null;
          case "personal_sign":
            agreed("Sign the text that makes a voting key?");
            return sign(params[1], params[0]);
          case "eth_sendTransaction":
            agreed(`Send a transaction to ${params[0].to}?`);
            return ask(method, params);
          default:
            return ask(method, params);
        }
      },
    };
  }

  const wallets = [1, 2, 3].map((person) => ({
    info: { uuid: `demo-wallet-${person}`, name: `Demo wallet ${person}`, icon, rdns: "example.demo" },
    provider: provider(person),
  }));
  const announce = () =>
    wallets.forEach((detail) =>
      window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze(detail) })),
    );
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
})();
