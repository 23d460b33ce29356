import { DescribeParametersCommand } from "../../aws/ssm.ts";
import type { Stack } from "../../stack/index.ts";
import type { Clients } from "../connections.ts";

/** Names of the parameters below each path that tasks are given. Names only: a plan must not read values. */
export async function parameterNames(
  { ssm }: Clients,
  { services, runs, migrations }: Stack,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const tasks = [
    ...Object.values(services),
    ...(runs.kind === "ecs" ? Object.values(runs.definitions) : []),
    ...migrations,
  ];
  const paths = [...new Set(tasks.flatMap(({ variables }) => variables.parameterPaths.map(({ path }) => path)))];
  const names = await Promise.all(
    paths.map(async (path) => {
      const found: string[] = [];
      let NextToken: string | undefined;
      do {
        const filters = [{ Key: "Path", Option: "OneLevel", Values: [path.replace(/\/$/, "")] }];
        const page = await ssm(new DescribeParametersCommand({ ParameterFilters: filters, NextToken }), {
          resource: `parameters below ${path}`,
        });
        found.push(...(page.Parameters ?? []).flatMap(({ Name }) => Name ?? []));
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      return [path, found.sort()] as const;
    }),
  );
  return Object.fromEntries(names);
}
