// A request: a line that opens to everything that is known of it.

import { element } from "/docs/dom.js";
import { bar, line } from "/ui/plot.js";
import { isOpen, rateOf, sum } from "/ui/requests.js";
import * as words from "/ui/words.js";

/** The `details` of a record; it can be given a newer record, and stays open. */
export class Row {
  constructor() {
    this.summary = element("summary");
    this.body = element("div", { class: "body" });
    this.element = element("details", { class: "request" }, this.summary, this.body);
  }

  show(record, samples) {
    this.element.dataset.phase = record.phase;
    this.element.dataset.id = record.id;
    const refused = record.error && record.first_event === undefined;
    this.summary.replaceChildren(...[
      cell("who", element("strong", {}, record.tool), element("small", {}, words.time(record.began))),
      cell("model", models(record), element("small", {}, where(record))),
      cell("state", element("span", { class: "phase" }, words.phase(record)), element("small", {}, outcome(record))),
      ...(refused ? [] : [
        told("first", "First token", record.first_event === undefined ? null : words.span(record.first_event)),
        told("speed", "Tokens/s", speed(record, samples)),
        told("context", "Context", context(record)),
        told("cache", "Cache", cacheShare(record)),
      ]),
      record.error ? cell(refused ? "error" : "error below", error(record.error)) : null,
    ].filter(Boolean));
    this.body.replaceChildren(facts(record));
  }
}

function cell(name, ...content) {
  return element("span", { class: `cell ${name}` }, content);
}

/** A number with its name; one that is not known yet is a dash, and left out on a phone. */
function told(name, label, value) {
  return cell(value === null ? `${name} none` : name, element("small", {}, label), value ?? "–");
}

function where({ endpoint, reason, path }) {
  return endpoint ? `${endpoint} endpoint · ${reason}` : path;
}

function models({ asked, model }) {
  if (!asked) return element("span", { class: "muted" }, "–");
  if (asked === model) return element("span", {}, model);
  return element("span", {}, asked, element("span", { class: "muted" }, " → "), model);
}

function outcome(record) {
  if (record.error) return `${record.status} after ${words.span(record.duration)}`;
  if (record.duration !== undefined) return words.span(record.duration);
  return record.retries ? `try ${record.retries + 1}` : "";
}

function speed(record, samples) {
  const exact = rateOf(record);
  const latest = isOpen(record) ? samples?.at(-1) : undefined;
  if (exact === undefined && latest === undefined) return null;
  const plot = samples?.length > 1 ? line(samples, "Tokens per second over time") : null;
  return [element("span", {}, exact === undefined ? `≈ ${words.rate(latest)}` : words.rate(exact)), plot];
}

function shares(record) {
  if (!record.raw || !record.client_window) return undefined;
  return { client: sum(record.scaled) / record.client_window, real: sum(record.raw) / record.real_window };
}

/** Two bars: what the client's own meter shows, and what is really used. */
function context(record) {
  const share = shares(record);
  if (!share) return null;
  return element("span", { class: "meters" },
    element("span", {}, "client ", words.percent(share.client)), bar(share.client, "As the client sees it"),
    element("span", {}, "real ", words.percent(share.real)), bar(share.real, "As it is"));
}

function cacheShare({ raw }) {
  const prompt = raw ? raw.input + raw.cache_read + raw.cache_creation : 0;
  return prompt ? words.percent(raw.cache_read / prompt) : null;
}

/** What went wrong and what to do about it. */
function error(failure) {
  const { code, field, until } = failure;
  return element("span", {},
    element("strong", {}, words.kind(failure)),
    code ? ` (${code})` : "",
    field ? [": ", element("code", {}, field)] : "",
    until ? ` until ${words.until(until)}` : "",
    `. ${words.hint(failure)}`);
}

function tokens(of) {
  if (!of) return "";
  return `${words.count(of.input)} in, ${words.count(of.cache_read)} cached, ${words.count(of.output)} out`;
}

/** Only with CAPTURE: whatever it says, it is text and stays text. */
function captured(label, text) {
  return text && element("pre", { class: "said", tabindex: 0, "aria-label": label }, text);
}

function facts(record) {
  const share = shares(record);
  const known = [
    ["Why there", words.reason(record)],
    ["Path", `${record.path}, ${record.dialect}${record.streams ? ", streamed" : ""}`],
    ["Tokens, raw", tokens(record.raw)],
    [`Tokens, told${record.scale ? ` (× ${record.scale})` : ""}`, tokens(record.scaled)],
    ["Context", share && `client ${words.count(sum(record.scaled))} of ${words.count(record.client_window)}; really ${words.count(sum(record.raw))} of ${words.count(record.real_window)}`],
    ["Changed", record.changed && element("ul", {}, record.changed.map((change) => element("li", {}, element("code", {}, change))))],
    ["Retries", record.retries],
    ["Mended tool calls", record.mended],
    ["Request id", element("code", {}, record.request_id)],
    ["Prompt", captured("Prompt", record.prompt)],
    ["Answer", captured("Answer", record.answer)],
  ];
  return element("dl", {}, known.filter(([, value]) => value).map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value))));
}
