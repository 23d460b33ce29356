import type { Place } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import type { Stack } from "../stack/stack.ts";
import { webserversOf } from "./webserver.ts";

/** Why the gates of a stack could not be asked by a task in the VPC. No level lets it pass: there would be nobody to ask. */
export function unreached({ gates, services }: Pick<Stack, "gates" | "services">): readonly Finding[] {
  const webservers = webserversOf({ services });
  const [first] = webservers;
  if (gates.reach !== "task" || first === undefined) return [];
  const asked = webservers.find(({ address, url }) => address !== null || url !== null);
  return [
    ...(asked === undefined
      ? [
          finding(
            gates.reachPlace,
            `A task in the VPC is to ask webserver ${first.key} (\`gates: { reach: task }\`, which is so where there is no \`url\`), and neither its name there nor a \`url\` is known.`,
            "Add its name in Cloud Map to the contract's `services`, as `address`, or its load balancer as `url`. A name of Service Connect does not do: only services see it.",
          ),
        ]
      : []),
    // Of a definition of the user's own its log is read when the task is started.
    ...(asked !== undefined && asked.logGroup === null && asked.definition.kind === "generated"
      ? [
          finding(
            asked.place,
            `A task like webserver ${asked.key} is to ask Dagster (\`gates: { reach: task }\`), and its answers come through the log, for which the contract names no group.`,
            "Name one in the contract: `log-group`.",
          ),
        ]
      : []),
  ];
}

function finding(where: Place, what: string, fix: string): Finding {
  return { id: "webserver-unreached", level: "error", where, what, fix };
}
