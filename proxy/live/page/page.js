// The live page: what the gateway tells, shown as it comes; drawn at most once a frame.

import { element } from "/docs/dom.js";
import { Events } from "/ui/events.js";
import { minute } from "/ui/plot.js";
import { Requests, hasFailed, isOpen } from "/ui/requests.js";
import { Row } from "/ui/row.js";
import * as words from "/ui/words.js";

const QUOTA_CODES = ["1308", "1310"];
const FILTERS = { all: () => true, open: isOpen, failed: hasFailed };
const EMPTY = {
  all: "No requests yet. Point a tool at this gateway and they appear here as they happen.",
  open: "Nothing is open at this moment.",
  failed: "Nothing has failed.",
};

const at = (id) => document.getElementById(id);
const requests = new Requests();
const rows = new Map();
const stale = new Set();
let filter = "all";
let gates = { waiting: 0 };
let connected = false;
let seen = false;
let scheduled = false;

const events = new Events("/ui/events", (name, data) => {
  if (name === "snapshot") snapshot(data);
  if (name === "request") { requests.request(data); stale.add(data.id); }
  if (name === "state") { requests.state(data); Object.keys(data.sent).forEach((id) => stale.add(Number(id))); }
  if (name !== "request") gates = data;
  schedule();
}, changed);

function snapshot(data) {
  requests.snapshot(data);
  seen = true;
  [...requests.byId.keys()].forEach((id) => stale.add(id));
  at("capture").hidden = !data.capture;
  at("silent").hidden = data.capture;
}

function changed(state, seconds) {
  const texts = { live: "Live", locked: "Locked", lost: `Gateway not reached; trying again in ${seconds} s` };
  connected = state === "live";
  at("connection").dataset.state = state;
  at("connection").textContent = texts[state];
  at("key-form").hidden = state !== "locked";
  if (state === "locked") {
    at("key-wrong").textContent = events.key ? "That is not the key." : "";
    at("key").focus();
  }
  schedule();
}

function schedule() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => { scheduled = false; draw(); });
}

function draw() {
  const all = requests.list();
  const wanted = all.filter(FILTERS[filter]);
  for (const record of all) {
    if (!rows.has(record.id)) rows.set(record.id, new Row());
    else if (!stale.has(record.id)) continue;
    rows.get(record.id).show(record, requests.samples.get(record.id));
  }
  stale.clear();
  for (const id of rows.keys()) if (!requests.byId.has(id)) rows.delete(id);
  arrange(wanted.map(({ id }) => rows.get(id).element));
  numbers(all);
  notices(all);
  at("empty").hidden = wanted.length > 0 || !seen;
  at("empty").textContent = EMPTY[filter];
  document.body.classList.toggle("disconnected", !connected);
}

/** Put rows in their order and move none that is in its place: focus and openness stay. */
function arrange(elements) {
  const list = at("requests");
  const kept = new Set(elements);
  [...list.children].forEach((child) => { if (!kept.has(child)) child.remove(); });
  elements.forEach((each, index) => { if (list.children[index] !== each) list.insertBefore(each, list.children[index] ?? null); });
}

function numbers(all) {
  at("open").textContent = all.filter(isOpen).length;
  at("waiting").textContent = gates.waiting;
  at("shown").textContent = all.length;
  at("failed").textContent = all.filter(hasFailed).length;
  const rate = requests.total.at(-1)?.[1] ?? 0;
  at("rate").textContent = rate ? `≈ ${words.rate(rate)}` : "0";
  at("plot").replaceChildren(minute(requests.total, "Tokens per second in the last minute"));
}

/** Plans that z.ai says are used up, unless the model has answered since. */
function notices(all) {
  const told = new Map();
  for (const record of all) {
    if (!record.model || told.has(record.model) || isOpen(record)) continue;
    const { error } = record;
    const refused = error && QUOTA_CODES.includes(error.code) && error.until > Date.now() / 1000;
    told.set(record.model, refused ? error.until : undefined);
  }
  const texts = [...told].filter(([, until]) => until).map(([model, until]) => `z.ai refuses ${model} until ${words.until(until)}: the plan's quota is used up.`);
  const box = at("notices");
  if (box.textContent !== texts.join("")) box.replaceChildren(...texts.map((text) => element("p", { class: "notice" }, text)));
}

for (const button of document.querySelectorAll("[data-filter]")) {
  button.addEventListener("click", () => {
    filter = button.dataset.filter;
    document.querySelectorAll("[data-filter]").forEach((each) => each.setAttribute("aria-pressed", each === button));
    schedule();
  });
}

at("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  events.key = at("key").value.trim();
  if (events.key) events.connect();
});
addEventListener("online", () => events.hurry());
document.addEventListener("visibilitychange", () => { if (!document.hidden) events.hurry(); });
setInterval(schedule, 1000);
events.connect();
