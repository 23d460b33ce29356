/** What the actions do with the deployment of services that roll side by side, as a process of its own: the requests, as JSON, as its argument. */
import { ecs } from "../../src/aws/ecs.ts";
import { logs } from "../../src/aws/logs.ts";
import { roll, sharedLooks } from "../../src/deployments/index.ts";
import type { RollRequest } from "../../src/deployments/request.ts";
import { Cancelled } from "../../src/domain/errors.ts";
import { isGood } from "../../src/domain/verdict.ts";
import { failStep } from "../../src/github/failure.ts";
import { logReport } from "../../src/github/report.ts";

const [, , argument = ""] = process.argv;
const requests = JSON.parse(argument) as readonly RollRequest[];
const controller = new AbortController();
process.once("SIGINT", () => controller.abort(new Cancelled()));
const { report } = logReport();
const clock = {
  now: () => Date.now(),
  sleep: (milliseconds: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, milliseconds);
      const abort = () => {
        clearTimeout(timer);
        reject(signal?.reason instanceof Error ? signal.reason : new Cancelled());
      };
      if (signal?.aborted === true) abort();
      else signal?.addEventListener("abort", abort, { once: true });
    }),
};
const context = { clock, signal: controller.signal, report };
const client = ecs(context);
const clients = { ecs: client, logs: logs(context), looks: sharedLooks(client) };
try {
  const verdicts = await Promise.all(requests.map((request) => roll(clients, context, request)));
  for (const { verdict, cause, evidence } of verdicts) {
    for (const { kind, subject, text } of evidence) report({ kind: "foreign", from: `${kind} ${subject}`, text });
    console.log(cause === null ? verdict : `${verdict}: ${cause.what} ${cause.fix ?? ""}`);
  }
  const isCancelled = verdicts.some(({ verdict }) => verdict === "cancelled");
  if (!verdicts.every(({ verdict }) => isGood(verdict))) process.exitCode = isCancelled ? 130 : 1;
} catch (error) {
  failStep(error);
}
