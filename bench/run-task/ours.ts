/** What the actions do with a migration of `tool: command`, as a process of its own: task definition, and family, as arguments. */
import { ecs } from "../../src/aws/ecs.ts";
import { logs } from "../../src/aws/logs.ts";
import { Cancelled, messageOf } from "../../src/domain/errors.ts";
import { logReport } from "../../src/github/report.ts";
import { migrate } from "../../src/migrations/migrate.ts";

const [, , taskDefinition = ""] = process.argv;
const controller = new AbortController();
process.once("SIGINT", () => controller.abort(new Cancelled()));
const context = {
  clock: {
    now: () => Date.now(),
    sleep: (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds)),
  },
  signal: controller.signal,
  report: logReport().report,
};
try {
  const { cause, said } = await migrate({ ecs: ecs(context), logs: logs(context) }, context, {
    name: "application",
    tool: { kind: "command", command: ["migrate"] },
    workdir: null,
    secrets: [],
    task: {
      cluster: "main",
      taskDefinition,
      container: "app",
      environment: {},
      network: { subnets: ["subnet-1"], securityGroups: ["sg-1"], publicAddress: false },
      clientToken: taskDefinition,
      startedBy: "bench",
      tags: {},
      timeoutSeconds: 300,
      aloneIn: null,
      log: null,
    },
  });
  console.log(cause === null ? said : `${cause.what} ${cause.fix}`);
  process.exitCode = cause === null ? 0 : 1;
} catch (error) {
  console.log(messageOf(error));
  process.exitCode = error instanceof Cancelled ? 130 : 1;
}
