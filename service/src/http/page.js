// Replaces what is shown every few seconds, while somebody looks.
"use strict";
setInterval(async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch("/", { cache: "no-store" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const live = page.getElementById("live");
    if (live) document.getElementById("live").replaceWith(live);
  } catch {
    // The next time.
  }
}, 5000);
