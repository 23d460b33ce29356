import type { PlayedAccount } from "../../../releases/played/account.ts";
import { cutEverywhere } from "../../../releases/played/cut-everywhere.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { dagsFiles, dagsStack } from "../../../releases/played/stacks.ts";

const account = { stack: dagsStack, files: dagsFiles };
const newDags = { "dags/flows.py": "VERSION = 2\n" };

/** What readers are to have, unless it is what the current release says. */
function wrongPointer({ s3, recordsPrefix }: PlayedAccount): Promise<readonly string[]> {
  const read = (key: string): { readonly version?: string; readonly release?: unknown } =>
    JSON.parse(s3.objects.get(key)?.text ?? "{}") as { readonly version?: string; readonly release?: unknown };
  const current = String(read(`${recordsPrefix}current.json`).release);
  const outcome = read(`${recordsPrefix}releases/${current}/outcome.json`) as {
    readonly release?: { readonly dags: Readonly<Record<string, { readonly version: string }>> };
  };
  const wanted = outcome.release?.dags["small"]?.version;
  const { version } = read("deploys/dags/small/current.json");
  return Promise.resolve(
    wanted === undefined || version === wanted ? [] : [`readers have ${version ?? "nothing"} instead of ${wanted}`],
  );
}

cutEverywhere({
  name: "new code in S3",
  account,
  // The others are those of services, whose tests have them.
  mishaps: ["killed after"],
  prepare: async (played) => {
    await played.clock.run(deployer(played, { run: 100 }).deploy());
    await played.commit(newDags);
    return (who) => who.deploy();
  },
  wrong: wrongPointer,
  ends: "well",
});
