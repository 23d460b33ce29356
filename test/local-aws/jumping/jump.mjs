/**
 * Loaded into a process before anything else (`--import`): its clock and its timers are those of the bed. When nothing is left to do
 * but to wait for a timer, the bed is told until when, and the clock jumps there. Time in which it works goes by as ever.
 */
import { subscribe } from "node:diagnostics_channel";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { connect } from "node:net";

const require = createRequire(import.meta.url);
const [port, first] = (process.env.JUMPING_CLOCK ?? "").split(" ").map(Number);
const real = {
  Date,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setImmediate: globalThis.setImmediate,
  performanceNow: performance.now.bind(performance),
};

let ahead = first;
const now = () => real.Date.now() + ahead;

globalThis.Date = new Proxy(real.Date, {
  construct: (target, given, as) => Reflect.construct(target, given.length === 0 ? [now()] : given, as),
  apply: () => new real.Date(now()).toString(),
  get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
});
performance.now = () => real.performanceNow() + ahead - first;

/** Timers that have not fired, the next one first. */
let timers = [];
let made = 0;

class Timer {
  constructor(callback, milliseconds, given, repeats) {
    made += 1;
    this.id = made;
    this.callback = callback;
    this.milliseconds = Math.max(1, Number(milliseconds) || 0);
    this.given = given;
    this.repeats = repeats;
    this.isRef = true;
    this.arm();
  }
  arm() {
    this.due = now() + this.milliseconds;
    timers = [...timers.filter((other) => other !== this), this].sort((a, b) => a.due - b.due || a.id - b.id);
    stir();
    return this;
  }
  refresh() {
    return this.arm();
  }
  ref() {
    this.isRef = true;
    stir();
    return this;
  }
  unref() {
    this.isRef = false;
    stir();
    return this;
  }
  hasRef() {
    return this.isRef;
  }
  close() {
    clear(this);
    return this;
  }
  [Symbol.toPrimitive]() {
    return this.id;
  }
  [Symbol.dispose]() {
    clear(this);
  }
}

function clear(timer) {
  const found = typeof timer === "object" ? timer : timers.find(({ id }) => id === Number(timer));
  timers = timers.filter((other) => other !== found);
  stir();
}

function fireDue() {
  for (let [next] = timers; next !== undefined && next.due <= now(); [next] = timers) {
    if (next.repeats) next.arm();
    else timers = timers.filter((other) => other !== next);
    next.callback(...next.given);
  }
}

const replaced = {
  setTimeout: (callback, milliseconds, ...given) => new Timer(callback, milliseconds, given, false),
  setInterval: (callback, milliseconds, ...given) => new Timer(callback, milliseconds, given, true),
  clearTimeout: clear,
  clearInterval: clear,
};
Object.assign(globalThis, replaced);
Object.assign(require("node:timers"), replaced);
require("node:timers/promises").setTimeout = (milliseconds, value, { signal, ref = true } = {}) =>
  new Promise((resolve, reject) => {
    const timer = new Timer(() => resolve(value), milliseconds, [], false);
    if (!ref) timer.unref();
    const abort = () => {
      clear(timer);
      reject(signal.reason);
    };
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
syncBuiltinESMExports();

/** Requests whose answer has not come to its end. */
let asked = 0;
subscribe("http.client.request.start", ({ request }) => {
  asked += 1;
  request.once("close", () => {
    asked -= 1;
    stir();
  });
});

/** The same of those that `fetch` makes. */
const fetched = new Set();
subscribe("undici:request:create", ({ request }) => fetched.add(request));
for (const end of ["trailers", "error"])
  subscribe(`undici:request:${end}`, ({ request }) => {
    fetched.delete(request);
    stir();
  });

const bed = connect(port, "127.0.0.1");
bed.unref();
bed.on("error", () => process.exit(70)); // the bed is gone
let isJumping = false;
bed.setEncoding("utf8").on("data", (line) => {
  ahead = Number(line);
  isJumping = false;
  fireDue();
  stir();
});

let poll = null;

/** Something has changed: is there anything left to do? */
function stir() {
  bed.unref();
  if (poll !== null || isJumping) return;
  if (!timers.some(({ isRef }) => isRef)) return;
  poll = { turns: 0 };
  real.setImmediate(look);
}

/** Turns of the loop in a row in which nothing was to be done. */
const quietTurns = 6;

function look() {
  if (!timers.some(({ isRef }) => isRef)) {
    poll = null;
    return;
  }
  fireDue();
  const isBusy =
    asked > 0 ||
    fetched.size > 0 ||
    process.getActiveResourcesInfo().some((name) => /^(FSReq|GetAddrInfo|TCPConnect|Process)/.test(name));
  poll.turns = isBusy ? 0 : poll.turns + 1;
  if (poll.turns < quietTurns) {
    if (isBusy) real.setTimeout(look, 1);
    else real.setImmediate(look);
    return;
  }
  poll = null;
  if (timers.length === 0) return;
  isJumping = true;
  bed.ref();
  bed.write(`${timers[0].due}\n`);
}
