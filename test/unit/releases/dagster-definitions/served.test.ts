import { DagsterUnreachable, type Dagster, type Document } from "../../../../src/dagster/client.ts";
import { readMaterializations } from "../../../../src/releases/dagster-definitions/served.ts";

/** A webserver that has materialized whatever it is asked for, as often as it answers. */
function webserver(answers: number): { readonly dagster: Pick<Dagster, "ask">; readonly asked: number[] } {
  const asked: number[] = [];
  const ask = <T>({ answer }: Document<T>, variables: Readonly<Record<string, unknown>> = {}): Promise<T> => {
    const assets = variables["assets"];
    if (!Array.isArray(assets)) throw new Error("assets are asked for");
    asked.push(assets.length);
    if (asked.length > answers) return Promise.reject(new DagsterUnreachable("gone"));
    const assetNodes = assets.map((assetKey: unknown) => ({
      assetKey,
      assetMaterializations: [{ timestamp: "1000" }],
    }));
    return Promise.resolve(answer.parse({ assetNodes }));
  };
  return { dagster: { ask }, asked };
}

const keys = Array.from({ length: 450 }, (_, index) => `raw/deals_${index}`);

test("assets are asked for two hundred at a time, all of them", async () => {
  const { dagster, asked } = webserver(3);
  const known = await readMaterializations(dagster, keys);
  expect(asked).toEqual([200, 200, 50]);
  expect(keys.every((key) => known.get(key) === 1000)).toBe(true);
});

test("what could not be asked for is left out: nobody takes it for never", async () => {
  const { dagster } = webserver(1);
  expect((await readMaterializations(dagster, keys)).size).toBe(200);
});
