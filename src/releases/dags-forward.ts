import { UserError } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import type { Release } from "../domain/release.ts";
import type { Stack } from "../stack/stack.ts";
import { follows } from "./follows.ts";
import type { Observation } from "./observation.ts";
import type { Session } from "./session.ts";

/** Going forward never goes back: what readers have may have been switched to beside the stack, and be newer than what is checked out. */
export async function checkDagsForward(
  session: Pick<Session, "request" | "connections">,
  { dags }: Pick<Stack, "dags">,
  observation: Observation,
  { source, promotes }: Release,
): Promise<readonly Finding[]> {
  if (session.request.allowDivergent || promotes !== null) return [];
  const found = await Promise.all(
    Object.values(dags).map(async ({ location, place }): Promise<readonly Finding[]> => {
      const { pointer = null, wanted = null } = observation.dags[location] ?? {};
      if (pointer === null || wanted === null || pointer.value.version === wanted.version) return [];
      const { source: served, version } = pointer.value;
      if (served.repository !== source.repository) {
        return [
          {
            id: "dags-not-forward",
            level: "error",
            where: place,
            what: `Readers of ${location} have version ${version}, of ${served.repository}, and this checkout is of ${source.repository}: two repositories would take turns.`,
            fix: `When ${served.repository} releases it, write \`source: { repository: ${served.repository}, ref: main }\` under \`dags\`. When it has moved here: \`allow-divergent: true\`, once.`,
          },
        ];
      }
      try {
        if (await follows(session, source.repository, served.sha, source.sha)) return [];
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        return [{ id: "dags-not-forward", level: "error", where: place, what: error.what, fix: error.fix }];
      }
      return [
        {
          id: "dags-not-forward",
          level: "error",
          where: place,
          what: `Commit ${source.sha} does not contain ${served.sha}, of which readers of ${location} have version ${version}: switching would go back.`,
          fix: "Deploy a commit that contains it. To go back, use `command: rollback`. When history was rewritten (force push, squash), release it with `allow-divergent: true`.",
        },
      ];
    }),
  );
  return found.flat();
}
