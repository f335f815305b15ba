// Keeps the status page current, and asks before it changes something. One rendering, the server's: parts of it come by server-sent
// events, or, where those fail, by loading the page again.
"use strict";

const byId = (id) => document.getElementById(id);
const say = (node, text) => { if (node.textContent !== text) node.textContent = text; };
const PARTS = ["verdict", "ready", "process", "backends", "frontends", "timeline", "facts"];
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

// Times as they are here.
const localise = (root) => {
  for (const node of root.querySelectorAll("[data-time]")) {
    const time = new Date(node.dataset.time * 1000);
    node.textContent = time.toLocaleTimeString();
    node.title = time.toLocaleString();
  }
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
const show = ({ title: text, grade: name, parts }) => {
  for (const id of PARTS) {
    const part = document.createElement("div");
    part.innerHTML = parts[id];
    localise(part);
    children(byId(id), part);
  }
  last = Date.now();
  title = text;
  failed = 0;
  document.body.dataset.grade = name;
  age();
  tell();
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
    streaming = false;
    show({ title: page.title, grade: page.body.dataset.grade, parts });
  } catch {
    failed += 1;
  } finally {
    polling = false;
  }
};

// An event comes every second. Without events, only a poll that failed tells that lb is gone: timers of hidden pages are late.
const STALE = 5000;
const since = (seconds) => (seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`);

// Says how old the page is: in its title, icon and banner; and takes the buttons away.
const age = () => {
  const passed = Date.now() - last;
  const now = passed > STALE && (streaming || failed > 0);
  const text = since(Math.round(passed / 1000));
  if (now !== stale) {
    stale = now;
    document.body.classList.toggle("stale", stale);
    byId("gone").hidden = !stale;
    if (stale) byId("ask")?.close();
  }
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
  const isLast = facts.others === "0" && (action === "drain" || action === "maint");
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
  if (button && token && !stale) ask({ ...button.closest("[data-server]").dataset }, button.dataset.act);
});
byId("ask-no")?.addEventListener("click", () => byId("ask").close());

localise(document);
grade(document.body.dataset.grade);
listen();
// The first event comes at once, where it comes at all.
setTimeout(watchOver, 1000);
