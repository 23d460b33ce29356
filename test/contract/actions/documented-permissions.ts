import { readFileSync } from "node:fs";
import { actionOf } from "../../../src/aws/permission.ts";
import { actionsOfRegistry } from "../../local-aws/access/backing-calls.ts";
import type { GatewayCall } from "../../local-aws/gateway/call-record.ts";

/** @returns the IAM actions of what this role called. */
export function neededBy(
  calls: readonly Pick<GatewayCall, "service" | "operation" | "caller">[],
  role: string,
): readonly string[] {
  const actions = calls.flatMap(({ service, operation, caller }) => {
    if (caller !== role || service === "sts") return []; // GetCallerIdentity is allowed to everybody
    if (service === "registry") return [actionsOfRegistry[operation] ?? `registry ${operation}`];
    return [actionOf(service, operation)];
  });
  return [...new Set(actions)].sort();
}

/** What a paragraph of docs/permissions.md that begins with these words adds to the table. */
export function documentedWith(words: string): readonly string[] {
  const paragraph = readFileSync("docs/permissions.md", "utf8")
    .split("\n\n")
    .find((one) => one.startsWith(words));
  if (paragraph === undefined) throw new Error(`docs/permissions.md has no paragraph that begins with ${words}`);
  return [...paragraph.matchAll(/`([a-z0-9-]+:[A-Z]\w+)`/g)].map(([, action = ""]) => action);
}

/** What docs/permissions.md says that an action, or a command of the root action, needs. */
export function documentedFor(column: string): readonly string[] {
  const rows = readFileSync("docs/permissions.md", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const [header = [], , ...actions] = rows;
  const at = header.indexOf(column);
  if (at === -1) throw new Error(`docs/permissions.md has no column ${column}`);
  return actions.flatMap(([action = "", ...cells]) => (cells[at - 1] === "✓" ? [action.replaceAll("`", "")] : []));
}
