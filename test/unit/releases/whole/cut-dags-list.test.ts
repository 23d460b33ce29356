import { listVersion } from "../../../../src/domain/dags-list.ts";
import type { PlayedAccount } from "../../../releases/played/account.ts";
import { cutEverywhere } from "../../../releases/played/cut-everywhere.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { dagsFiles, dagsHostsStack, twoLocationsStack } from "../../../releases/played/stacks.ts";

interface Outcome {
  readonly release: { readonly dags: Readonly<Record<string, { readonly prefix: string; readonly listed: object }>> };
}

/** The list that hosts load by, unless it is what the current release says. */
function wrongList({ s3, recordsPrefix }: PlayedAccount): Promise<readonly string[]> {
  const read = <T>(key: string): T => JSON.parse(s3.objects.get(key)?.text ?? "{}") as T;
  const current = read<{ readonly release: string }>(`${recordsPrefix}current.json`).release;
  const { dags } = read<Outcome>(`${recordsPrefix}releases/${current}/outcome.json`).release;
  const wanted = Object.fromEntries(
    Object.entries(dags).map(([name, { prefix, listed }]) => [name, { prefix, ...listed }]),
  );
  const { version } = read<{ readonly version?: string }>("deploys/dags/.stacks/small/production.json");
  const isSame = version === listVersion(wanted as Parameters<typeof listVersion>[0]);
  return Promise.resolve(isSame ? [] : [`the list is ${version ?? "none"}, not of ${Object.keys(wanted).join(", ")}`]);
}

cutEverywhere({
  name: "a location that comes",
  account: { stack: dagsHostsStack, files: dagsFiles, loads: "small-webserver" },
  // The others are those of services, whose tests have them.
  mishaps: ["killed after"],
  prepare: async (played) => {
    await played.clock.run(deployer(played, { run: 100 }).deploy());
    await played.commit({ "dagster-stack.yml": twoLocationsStack, "more/flows.py": "MORE = 1\n" });
    return (who) => who.deploy();
  },
  wrong: wrongList,
  ends: "well",
});
