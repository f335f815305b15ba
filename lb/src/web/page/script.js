// Takes the page anew every second and puts its moving parts in place: one rendering, the server's.
"use strict";
const parts = ["summary", "backends"];
async function refresh() {
  let lost = true;
  try {
    const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(3000) });
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const id of parts) {
        const now = document.getElementById(id), next = page.getElementById(id);
        if (now.innerHTML !== next.innerHTML) now.replaceChildren(...next.childNodes);
      }
      lost = false;
    }
  } catch (_) { /* shown below */ }
  document.getElementById("lost").hidden = !lost;
  setTimeout(refresh, document.hidden ? 5000 : 1000);
}
setTimeout(refresh, 1000);
