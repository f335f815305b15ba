// Keeps the status page current: takes it anew every second and puts its moving parts in place. One rendering, the server's.
"use strict";

const parts = ["ready", "process", "frontends", "backends"];
const line = document.getElementById("live");

const refresh = async () => {
  let current = false;
  try {
    const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const id of parts) {
        const now = document.getElementById(id);
        const next = page.getElementById(id);
        if (now.innerHTML !== next.innerHTML) now.replaceChildren(...next.childNodes);
      }
      current = true;
    }
  } catch {
    // No answer is told below, like a bad one.
  }
  const text = current ? "live" : "no answer: what you see is old";
  if (line.textContent !== text) line.textContent = text;
  document.body.classList.toggle("stale", !current);
  setTimeout(refresh, document.hidden ? 5000 : 1000);
};

setTimeout(refresh, 1000);
