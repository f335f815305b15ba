// Keeps the status page current, and asks before it changes something. One rendering, the server's: what has changed of it comes by
// server-sent events, or, where those fail, by loading the page again.
"use strict";

const byId = (id) => document.getElementById(id);
const say = (node, text) => { if (node.textContent !== text) node.textContent = text; };
const PARTS = ["verdict", "ready", "process", "backends", "frontends", "timeline", "facts"];
// Pages with more servers have a filter.
const MANY = 20;
const COLORS = { up: "%2316733a", drain: "%231d4f9e", partial: "%23b07800", down: "%23c02020" };
const token = document.querySelector("meta[name=lb-token]")?.content;
document.documentElement.classList.add("js");

// === the state ===

// Makes `from` like `to` where they differ, so that focus, selection and open folds stay.
const morph = (from, to) => {
  if (from.nodeName !== to.nodeName || from.id !== to.id) { from.replaceWith(to); return; }
  if (from.nodeType === Node.TEXT_NODE) { if (from.data !== to.data) from.data = to.data; return; }
  for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  for (const { name } of [...from.attributes]) if (!to.hasAttribute(name) && name !== "open") from.removeAttribute(name);
  children(from, to);
};
const children = (from, to) => {
  const have = [...from.childNodes];
  const want = [...to.childNodes];
  want.forEach((node, at) => (at < have.length ? morph(have[at], node) : from.append(node)));
  have.slice(want.length).forEach((node) => node.remove());
};

// As the server writes them.
const ago = (seconds) => {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 600 && seconds % 60) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
};

// How far the server's clock is ahead of ours, seconds.
let ahead = Number(document.body.dataset.now) - Date.now() / 1000;
const passing = (root) => {
  const now = Date.now() / 1000 + ahead;
  for (const node of root.querySelectorAll("[data-since]")) say(node, ago(Math.max(0, Math.floor(now - node.dataset.since))));
};

// A line of values: a letter each, 0 to k for the height, and a dot for a gap.
const draw = (svg) => {
  const { levels } = svg.dataset;
  let path = "";
  [...levels].forEach((letter, at) => {
    const place = `${60 - levels.length + at},${20 - parseInt(letter, 36)}`;
    if (letter !== ".") path += path && levels[at - 1] !== "." ? `L${place}` : `M${place}h0`;
  });
  svg.firstChild.setAttribute("d", path);
};

// Puts into HTML what is different here: local times, ages, lines.
const dress = (root) => {
  for (const node of root.querySelectorAll("[data-time]")) {
    const time = new Date(node.dataset.time * 1000);
    node.textContent = time.toLocaleTimeString();
    node.title = time.toLocaleString();
  }
  root.querySelectorAll("svg[data-levels]").forEach(draw);
  passing(root);
};

const fill = (place, html) => {
  const part = document.createElement("div");
  part.innerHTML = html;
  dress(part);
  children(place, part);
};

// Changes of one server: its class, cells by number, lines by number and `s`.
const patch = (row, changes) => {
  for (const [key, value] of Object.entries(changes)) {
    if (key === "class") row.className = value;
    else if (key === "usable") row.dataset.usable = value;
    else {
      const cell = row.cells[parseInt(key, 10)];
      if (key.endsWith("s")) {
        const line = cell.querySelector("svg");
        line.dataset.levels = value;
        draw(line);
      } else fill(cell.querySelector(".v") ?? cell, value);
    }
  }
};

// Which servers of a backend are shown, and which are folded away.
const sort = (id, { shown, folded, text }) => {
  const rows = (numbers) => numbers.map((number) => byId(`s${id.slice(1)}-${number}`)).filter(Boolean);
  byId(`${id}-shown`)?.append(...rows(shown));
  byId(`${id}-folded`)?.append(...rows(folded));
  const fold = byId(`${id}-fold`);
  if (!fold) return;
  fold.hidden = !folded.length;
  say(byId(`${id}-text`), text);
};

// Rows without the text are hidden, and folds are open meanwhile.
const filter = () => {
  const text = byId("filter").value.trim().toLowerCase();
  const all = [...document.querySelectorAll("#backends tbody tr")];
  byId("find").hidden = all.length <= MANY && !text;
  for (const row of all) row.hidden = Boolean(text) && !`${row.dataset.backend}/${row.textContent}`.toLowerCase().includes(text);
  for (const fold of document.querySelectorAll("#backends details")) {
    if (text && !fold.dataset.was) { fold.dataset.was = fold.open ? "open" : "shut"; fold.open = true; }
    if (!text && fold.dataset.was) { fold.open = fold.dataset.was === "open"; delete fold.dataset.was; }
  }
  for (const section of document.querySelectorAll("#backends section")) section.hidden = Boolean(text) && !section.querySelector("tbody tr:not([hidden])");
};

const icon = (shape) => {
  document.querySelector("link[rel=icon]").href =
    `data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8">${shape}</svg>`;
};
const grade = (name) => {
  document.body.dataset.grade = name;
  icon(`<circle cx="4" cy="4" r="4" fill="${COLORS[name]}"/>`);
};

const newest = () => Number(document.querySelector("[data-newest]")?.dataset.newest ?? 0);
let told = newest();

// New events are read out, a few at a time; numbers that move are not.
const tell = () => {
  const fresh = [...document.querySelectorAll("#timeline li")].filter((item) => item.dataset.number > told).slice(0, 3);
  // A balancer that was restarted counts from the beginning.
  told = newest();
  if (fresh.length) say(byId("news"), fresh.map((item) => item.querySelector(".what").textContent).reverse().join(". "));
};

// When the last answer came, what it said, and polls that have failed since.
let last = Date.now();
let title = document.title;
let failed = 0;
let stale = false;
const show = ({ now, title: text, grade: name, parts = {}, rows = {}, lists = {} }) => {
  const focused = document.activeElement;
  last = Date.now();
  failed = 0;
  ahead = now - last / 1000;
  for (const [id, html] of Object.entries(parts)) if (byId(id)) fill(byId(id), html);
  for (const [id, changes] of Object.entries(rows)) if (byId(id)) patch(byId(id), changes);
  for (const [id, list] of Object.entries(lists)) sort(id, list);
  if (parts.backends || Object.keys(rows).length) filter();
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
  title = text ?? title;
  document.body.dataset.grade = name ?? document.body.dataset.grade;
  age();
  if (parts.timeline) tell();
};

// === how it comes ===

// A page that was opened with a user and a password in its address may ask only for addresses that are whole and without them.
const at = (path) => new URL(path, location.origin);

let source;
let streaming = false;
const listen = () => {
  if (!window.EventSource) return;
  source = new EventSource(at("/events"));
  source.onmessage = ({ data }) => { streaming = true; show(JSON.parse(data)); };
  // The browser tries again by itself, unless it was refused.
  source.onerror = () => { if (source.readyState === EventSource.CLOSED) { streaming = false; setTimeout(listen, 15000); } };
};

let polling = false;
const poll = async () => {
  if (polling) return;
  polling = true;
  try {
    const answer = await fetch(at("/stats"), { cache: "no-store", signal: AbortSignal.timeout(4000) });
    if (!answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const parts = Object.fromEntries(PARTS.map((id) => [id, page.getElementById(id).innerHTML]));
    // The stream's next change would be one of another page.
    if (streaming) { source.close(); setTimeout(listen, 0); }
    streaming = false;
    show({ now: page.body.dataset.now, title: page.title, grade: page.body.dataset.grade, parts });
  } catch {
    failed += 1;
  } finally {
    polling = false;
  }
};

// An event comes every second. Without events, only a poll that failed tells that lb is gone: timers of hidden pages are late.
const STALE = 5000;

// Says how old the page is: in its title, icon and banner; and takes the buttons away.
const age = () => {
  const passed = Date.now() - last;
  const now = passed > STALE && (streaming || failed > 0);
  const text = ago(Math.round(passed / 1000));
  if (now !== stale) {
    stale = now;
    document.body.classList.toggle("stale", stale);
    byId("gone").hidden = !stale;
    if (stale) byId("ask")?.close();
  }
  if (!stale) passing(document);
  for (const button of document.querySelectorAll("[data-act]")) button.disabled = stale;
  if (stale) icon('<rect width="8" height="8" fill="%23505864"/><path d="M4 1v3.6M4 6v1" stroke="white" stroke-width="1.4"/>');
  else grade(document.body.dataset.grade);
  const shown = stale ? `No answer for ${text} · lb on ${document.querySelector(".node").textContent}` : title;
  if (document.title !== shown) document.title = shown;
  say(byId("gone-age"), text);
  say(byId("live-state"), stale ? "No answer" : streaming ? "Live" : "Updating by polling");
  say(byId("live-age"), stale ? `for ${text}` : "");
};

const watchOver = () => {
  if (!streaming || Date.now() - last > STALE) poll();
  age();
  setTimeout(watchOver, document.hidden && !streaming ? 5000 : 1000);
};

// === changes ===

const WORDS = {
  drain: (it) => ["Drain", it.name, `No new requests except from sticky clients; the ${it.flight} in flight finish.`],
  maint: (it) => ["Put", `${it.name} into maintenance`, `No requests until it is made ready again; the ${it.flight} in flight may finish.`],
  ready: (it) => ["Make", `${it.name} ready`, "It takes traffic again at once, unless a health check fails."],
  weight: (it) => ["Set weight", `of ${it.name}`, `Its share of the traffic, ${it.weight} now. With 0 it gets no new requests.`],
};

const act = async ({ backend, server }, action, weight) => {
  if (stale) return;
  const name = `${backend}/${server}`;
  const form = new URLSearchParams({ b: backend, s: server, action });
  if (action === "weight") form.set("w", weight);
  let text;
  try {
    const headers = { accept: "application/json", "x-lb-token": token };
    const answer = await fetch(at("/stats"), { method: "POST", body: form, headers, signal: AbortSignal.timeout(8000) });
    text = (await answer.json()).text;
  } catch {
    text = "No answer. Check whether the change was made";
  }
  say(byId("toast"), `${name}, ${action}: ${text}`);
  clearTimeout(act.timer);
  act.timer = setTimeout(() => say(byId("toast"), ""), 10000);
  if (!streaming) poll();
};

const ask = (facts, action) => {
  const dialog = byId("ask");
  const field = dialog.querySelector("input");
  const [verb, object, meaning] = WORDS[action]({ ...facts, name: facts.server });
  const isLast = facts.others === 0 && (action === "drain" || action === "maint");
  say(byId("ask-title"), `${verb} ${WORDS[action]({ ...facts, name: `${facts.backend}/${facts.server}` })[1]}?`);
  say(byId("ask-text"), isLast ? `${meaning} No other server of ${facts.backend} can take traffic: clients would get 503.` : meaning);
  say(byId("ask-yes"), `${verb} ${object}`);
  dialog.classList.toggle("grave", isLast);
  byId("ask-weight").hidden = action !== "weight";
  field.disabled = action !== "weight";
  field.value = facts.weight;
  dialog.returnValue = "";
  dialog.onclose = () => { if (dialog.returnValue === "yes") act(facts, action, field.value); };
  dialog.showModal();
  if (action === "weight") field.select();
  else byId("ask-yes").focus();
};

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-act]");
  if (!button || !token || stale) return;
  const row = button.closest("tr") ?? byId(button.closest("[data-row]").dataset.row);
  const number = (selector) => parseInt(row.querySelector(selector).textContent, 10);
  const usable = Number(row.closest("section").querySelector("[data-others]").dataset.others);
  const facts = { flight: number(".flight"), weight: row.querySelector(".weight [data-weight]").dataset.weight };
  ask({ ...row.dataset, ...facts, others: usable - Number(row.dataset.usable) }, button.dataset.act);
});
byId("ask-no")?.addEventListener("click", () => byId("ask").close());

dress(document);
grade(document.body.dataset.grade);
byId("filter").addEventListener("input", filter);
filter();
listen();
// The first event comes at once, where it comes at all.
setTimeout(watchOver, 1000);
