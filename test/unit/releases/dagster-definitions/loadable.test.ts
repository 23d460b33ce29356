import {
  type LayersToLoad,
  type LoadRequest,
  type NotLoadable,
  whatToLoad,
} from "../../../../src/releases/dagster-definitions/loadable.ts";
import type { CodeLocation, Stack } from "../../../../src/stack/stack.ts";
import { dealFlow } from "../world.ts";
import { layers } from "./layers.ts";

const stack = dealFlow();
const [service] = Object.values(stack.services).filter((one): one is CodeLocation => one.kind === "code-location");

function asked(
  image: LayersToLoad | { readonly way: "docker" },
  whyNotRun: string | null = null,
  of: Pick<Stack, "services" | "dags"> = stack,
): LoadRequest | NotLoadable {
  return whatToLoad("DealFlow", of, { code: image }, whyNotRun);
}

test("an image of layers is loaded, where files of the checkout may be run", () => {
  expect(asked(layers())).toMatchObject({ service, module: service?.module });
});

test.each<[string, () => LoadRequest | NotLoadable, RegExp]>([
  ["where files of the checkout are not run", () => asked(layers(), "Not here."), /^Not here\.$/],
  [
    "an image with commands that make its files",
    () => asked(layers({ request: { prepare: ["dbt parse"] } })),
    /`prepare`.*a plan does not run them/,
  ],
  [
    "a package of the checkout",
    () => asked(layers({ inputs: { localPackages: { "libs/shop": "abc" } } })),
    /in libs\/shop: a plan does not build it/,
  ],
  ["an image of a Dockerfile", () => asked({ way: "docker" }), /built from a Dockerfile/],
  [
    "a task definition with a command of its own",
    () => {
      if (service === undefined) throw new Error("deal-flow has a code location");
      return asked(layers(), null, { ...stack, services: { code: { ...service, module: null } } });
    },
    /its own command: which module/,
  ],
  [
    "a location that webserver and daemon load",
    () => asked(layers(), null, { ...stack, services: {} }),
    /load it themselves/,
  ],
  [
    "code in S3",
    () =>
      asked(layers(), null, {
        ...stack,
        dags: { DealFlow: { prefix: "dags/deals/" } as unknown as Stack["dags"][string] },
      }),
    /a bundle of files in S3/,
  ],
  ["an image of another checkout", () => whatToLoad("DealFlow", stack, {}, null), /not made of this checkout/],
  ["very many files", () => asked(layers({ sources: { size: 2 ** 30 } })), /1073741824 bytes, too many/],
])("%s: nothing is loaded, and it is said why and what to do", (_, made, why) => {
  const told = made();
  expect(told).toEqual({
    why: expect.stringMatching(why) as string,
    fix: expect.stringContaining("`definitions: DealFlow=<path>`") as string,
  });
});
