// "Try it": an editable example, sent to this gateway; the answer is shown as it arrives.

import { copyButton, element } from "/docs/dom.js";
import { curlLine, isSecret, requestFor, securityScheme } from "/docs/request.js";
import { Stream } from "/docs/stream.js";

const SHOWN_HEADERS = /^(x-proxy-|x-request-id$|retry-after$|content-type$)/;

/** The panel of an operation; `session.key()` is the key that was typed in. */
export function tryPanel(call, references, session) {
  const form = new Form(call, references);
  const output = new Output();
  const send = element("button", { type: "submit", class: "send" }, "Send");
  const stop = element("button", { type: "button", class: "quiet", hidden: true }, "Stop");
  const panel = element("form", { class: "try", "aria-label": `Try ${call.method} ${call.path}` },
    form.rows,
    element("div", { class: "actions" },
      send, stop, copyButton("Copy as curl", () => curlLine(call, form.values(), references))),
    securityScheme(call.operation, references) ? undefined : element("p", { class: "hint" }, "Needs no key."),
    output.root);

  panel.addEventListener("submit", async (event) => {
    event.preventDefault();
    const controller = new AbortController();
    stop.onclick = () => controller.abort();
    send.disabled = true;
    stop.hidden = false;
    await output.show(requestFor(call, form.values(), session.key(), references), controller.signal);
    send.disabled = false;
    stop.hidden = true;
  });
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) panel.requestSubmit();
  });
  return panel;
}

/** Parameters and body, as far as the operation has any. */
class Form {
  constructor(call, references) {
    const { operation } = call;
    const parameters = (operation.parameters ?? []).map((each) => references.resolve(each));
    this.inputs = parameters.map((parameter) => [parameter, inputFor(parameter)]);
    this.rows = [...this.fields(true), ...this.bodyRows(operation), this.optional()];
  }

  fields(required) {
    return this.inputs.filter(([parameter]) => Boolean(parameter.required) === required).map(([parameter, input]) =>
      element("label", { class: "field" }, element("span", {}, parameter.name), input));
  }

  optional() {
    const fields = this.fields(false);
    return fields.length ? element("details", { class: "optional" }, element("summary", {}, "Parameters"), fields) : undefined;
  }

  bodyRows(operation) {
    const media = operation.requestBody?.content["application/json"];
    if (!media) return [];
    const examples = Object.entries(media.examples);
    this.body = element("textarea", { name: "body", rows: 12, spellcheck: "false", autocomplete: "off", "aria-label": "Request body" });
    const fill = (name) => {
      const found = examples.find(([each]) => each === name)[1];
      this.body.value = JSON.stringify(found.value, null, 2);
    };
    const select = element("select", { name: "example", onchange: () => fill(select.value) },
      examples.map(([name, example]) => element("option", { value: name }, example.summary)));
    fill(examples[0][0]);
    return [element("label", { class: "field" }, element("span", {}, "Example"), select), this.body];
  }

  values() {
    const values = { path: {}, query: {}, header: {}, body: this.body?.value };
    for (const [parameter, input] of this.inputs) {
      if (input.value) values[parameter.in][parameter.name] = input.value;
    }
    return values;
  }
}

function inputFor(parameter) {
  const { name, schema, required } = parameter;
  const choices = schema.enum ?? (schema.type === "boolean" ? ["true", "false"] : undefined);
  if (choices) {
    const all = required ? choices : ["", ...choices];
    return element("select", { name }, all.map((choice) => element("option", {}, choice)));
  }
  const attributes = { name, autocomplete: "off", spellcheck: "false", required, placeholder: required ? undefined : "not sent" };
  if (isSecret(name)) attributes.type = "password";
  return element("input", { ...attributes, value: parameter.example });
}

/** The answer: status, headers, and the body as it comes. */
class Output {
  constructor() {
    this.status = element("p", { class: "outcome", role: "status" });
    this.headers = element("dl");
    this.answer = element("pre", { class: "answer", tabindex: 0, "aria-label": "Answer so far" });
    this.body = element("pre", { class: "body", tabindex: 0, "aria-label": "Response body" });
    this.root = element("div", { class: "output", hidden: true }, this.status, this.headers, this.answer, this.body);
  }

  async show({ url, ...options }, signal) {
    this.begin();
    const begun = performance.now();
    try {
      const response = await fetch(url, { ...options, signal, cache: "no-store", credentials: "omit" });
      this.told = `${response.status} ${response.statusText}`.trim();
      this.status.classList.add(response.ok ? "good" : "bad");
      this.showHeaders(response.headers);
      await this.read(response, begun);
      this.status.textContent = `${this.told} in ${seconds(begun)}`;
    } catch (error) {
      const stopped = error.name === "AbortError";
      this.status.classList.toggle("bad", !stopped);
      this.status.textContent = stopped ? `Stopped after ${seconds(begun)}` : `No answer: ${error.message}`;
    }
  }

  begin() {
    this.root.hidden = false;
    this.status.className = "outcome";
    this.status.textContent = "Waiting …";
    this.headers.replaceChildren();
    for (const pane of [this.answer, this.body]) {
      pane.textContent = "";
      pane.hidden = true;
    }
  }

  showHeaders(headers) {
    const shown = [...headers].filter(([name]) => SHOWN_HEADERS.test(name));
    this.headers.replaceChildren(...shown.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  }

  async read(response, begun) {
    const type = response.headers.get("content-type") ?? "";
    if (!type.startsWith("text/event-stream")) {
      this.write(this.body, pretty(await response.text(), type));
      return;
    }
    const stream = new Stream();
    this.status.textContent = `${this.told}, streaming since ${seconds(begun)}`;
    for await (const text of decoded(response.body)) {
      const pieces = stream.feed(text);
      this.write(this.body, text);
      this.write(this.answer, pieces);
    }
    this.told += `, ${stream.events} events`;
  }

  write(pane, text) {
    if (!text) return;
    pane.hidden = false;
    const following = pane.scrollTop + pane.clientHeight >= pane.scrollHeight - 8;
    pane.append(text);
    if (following && pane === this.body) pane.scrollTop = pane.scrollHeight;
  }
}

async function* decoded(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

function pretty(text, type) {
  if (!type.startsWith("application/json")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const seconds = (begun) => `${((performance.now() - begun) / 1000).toFixed(2)} s`;
