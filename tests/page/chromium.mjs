// How Debian's Chromium is started for tests: without a sandbox of its own, and asking nobody for anything.
export const LAUNCH = {
  executablePath: process.env.MACI_NOVA_BROWSER ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};
