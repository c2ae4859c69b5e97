/** The button that asks for fresh forecasts, and how far they are, told as they come. */

import { read } from "../api.js";
import { fill, h } from "../dom.js";
import { t } from "../language.js";
import { mayRefresh } from "../session.js";
import { problemWords } from "../states.js";

const QUICK = 250;
const PATIENT = 1500;
const QUICK_ROUNDS = 24;
const PASSING = [0, 429, 503]; // problems that pass by themselves: the refresh goes on meanwhile
const TRIES = 20;
let following = 0; // refreshes that this page follows: the more, the less often each is asked about
const WORTH_TELLING = 4; // the live region speaks four times while a number climbs

/**
 * `ask` posts the request and gives its answer; `moved` is called when more forecasts can be read,
 * and when it has ended. `follow(id)` attaches to a refresh that runs already.
 */
export class RefreshControl {
  constructor({ ask, moved, formats, signal }) {
    Object.assign(this, { ask, moved, formats, signal });
    this.working = false;
    this.button = h("button", { class: "button button-main", type: "button" }, t("refresh.button"));
    this.button.addEventListener("click", () => this.start());
    this.bar = h("progress", { class: "refresh-bar", "aria-label": t("refresh.progress") });
    this.text = h("p", { class: "refresh-text" });
    this.said = h("p", { class: "visually-hidden", role: "status" });
    this.place = h("div", { class: "refreshing" }, this.bar, this.text, this.said);
    this.bar.hidden = true;
    if (!mayRefresh()) this.button.hidden = true;
  }

  /** Ask, and tell what comes of it; `outcome` is that of an asking for several stores before. */
  start(outcome = null) {
    return this.alone(async () => {
      this.tell(t("refresh.asking"));
      const asked = await this.ask();
      if (asked.outcome === "present") await this.finish(asked);
      else await this.untilEnded(asked.id, { ...asked, outcome: outcome ?? asked.outcome });
    });
  }

  /** Tell how far a refresh is that runs already, until it ends. */
  async follow(id) {
    if (id !== null) await this.alone(() => this.untilEnded(id));
  }

  /** One thing at a time: who asks again, or comes upon a refresh meanwhile, is told of that one. */
  async alone(work) {
    if (this.working) return;
    this.working = true;
    this.busy(true);
    try {
      await work();
    } catch (error) {
      this.complain(error);
    } finally {
      this.working = false;
    }
  }

  async untilEnded(id, first = null) {
    const joined = first?.outcome === "joined" || first === null;
    following += 1;
    try {
      let status = first ?? (await this.status(id));
      let done = 0;
      for (let round = 0; !["done", "failed"].includes(status.state); round += 1) {
        this.show(status, joined);
        if (status.done !== done) await this.patiently(() => this.moved(status));
        done = status.done;
        await pause((round < QUICK_ROUNDS ? QUICK : PATIENT) * following, this.signal);
        status = await this.status(id);
      }
      await this.finish(status);
    } finally {
      following -= 1;
    }
  }

  status(id) {
    const path = `/refreshes/${encodeURIComponent(id)}`;
    return this.patiently(() => read(path, {}, this.signal));
  }

  /** What `ask` gives; where it meets what passes, it is asked again after a while. */
  async patiently(ask) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await ask();
      } catch (error) {
        if (!PASSING.includes(error.status) || tries === TRIES) throw error;
        await pause(1000 * Number(error.retryAfter ?? 2), this.signal);
      }
    }
  }

  show(status, joined) {
    const known = status.state === "training" && status.of !== null;
    if (known) {
      this.bar.max = Math.max(status.of, 1);
      this.bar.value = status.done;
    } else {
      this.bar.removeAttribute("value");
    }
    const words = known
      ? t("refresh.ready", { done: this.formats.units(status.done, 10), of: this.formats.units(status.of, 10), count: status.of })
      : t(`refresh.${status.state}`);
    const wait = secondsWords(status.estimate_seconds);
    this.text.textContent = [joined && t("refresh.joined"), words, wait].filter(Boolean).join(" ");
    const quarter = known ? Math.floor((WORTH_TELLING * status.done) / Math.max(status.of, 1)) : "";
    const phase = `${status.state}${quarter}`;
    if (phase !== this.phase) this.said.textContent = this.text.textContent;
    this.phase = phase;
  }

  async finish(status) {
    await this.patiently(() => this.moved(status));
    this.busy(false);
    const { code, parameters } = status.reason ?? { code: status.state, parameters: {} };
    const day = status.data_until ? this.formats.dayName(status.data_until) : t("unknown.short");
    this.tell(t(`refresh.end.${code}`, { ...parameters, day }), status.state === "failed" || code.startsWith("source_"));
  }

  complain(error) {
    if (error.name === "AbortError" || this.signal.aborted) return;
    this.busy(false);
    const { title, advice } = problemWords(error);
    this.tell(`${title} ${advice}`, true);
  }

  tell(text, problem = false) {
    this.text.classList.toggle("refresh-problem", problem);
    this.text.textContent = this.said.textContent = text;
  }

  busy(busy) {
    this.bar.hidden = !busy;
    this.phase = "";
    if (busy) this.bar.removeAttribute("value");
    this.button.setAttribute("aria-disabled", String(busy));
    fill(this.button, t(busy ? "refresh.running" : "refresh.button"));
    this.text.classList.remove("refresh-problem");
  }
}

function secondsWords(seconds) {
  if (seconds === null || seconds === undefined || seconds < 1) return "";
  if (seconds < 90) return t("refresh.seconds", { count: Math.ceil(seconds), n: Math.ceil(seconds) });
  const minutes = Math.ceil(seconds / 60);
  return t("refresh.minutes", { count: minutes, n: minutes });
}

/** Resolves after so many milliseconds; throws when the page is left. */
function pause(milliseconds, signal) {
  return new Promise((done, leave) => {
    const left = () => leave(new DOMException("left", "AbortError"));
    if (signal.aborted) left();
    signal.addEventListener("abort", left, { once: true });
    setTimeout(() => {
      signal.removeEventListener("abort", left);
      done();
    }, milliseconds);
  });
}
