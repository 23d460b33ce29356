import type { Stack } from "../../../src/stack/index.ts";
import { contract, mistakesIn, stackOf, withTop } from "./reading.ts";

const top = `images: { app: { repository: shop/app, layers: { base: b } }, proxy: { repository: shop/proxy, layers: { base: b } } }\n`;
const read = (service: string, more = ""): Stack =>
  stackOf(withTop(`${top}services: { d: { kind: daemon, image: app${service} } }\n${more}`), { contract: contract() });
const told = (service: string, more = ""): readonly string[] =>
  mistakesIn(() => read(service, more)).map(({ what, fix }) => `${what} ${fix}`);

test("have an image of the stack, by its key, or one from elsewhere, and members as ECS takes them", () => {
  const agent = "agent: { image: 'public.ecr.aws/datadog/agent:7.60.0', settings: { memoryReservation: 128 } }";
  const { services } = read(`, sidecars: { proxy: { image: proxy }, ${agent} }`);
  expect(services["d"]?.sidecars).toMatchObject({
    proxy: { image: { kind: "own", key: "proxy" }, settings: {} },
    agent: {
      image: { kind: "foreign", reference: "public.ecr.aws/datadog/agent:7.60.0" },
      settings: { memoryReservation: 128 },
    },
  });
});

test("of runs are those of every location", () => {
  const stack = stackOf(
    withTop(
      `${top}services: { d: { kind: daemon, image: app, locations: [a, b] } }\nruns: { image: app, sidecars: { p: { image: proxy } } }\n`,
    ),
    { contract: contract() },
  );
  const { runs } = stack;
  const all = runs.kind === "ecs" ? Object.values(runs.definitions) : [];
  expect(all.map(({ sidecars }) => Object.keys(sidecars))).toEqual([["p"], ["p"]]);
});

test.each([
  [", sidecars: { p: { image: prox } }", /is no image|no key of `images`.*`proxy`/s],
  [", sidecars: { d: { image: proxy } }", /The task has a container "d" already/],
  [", container: main, sidecars: { main: { image: proxy } }", /The task has a container "main" already/],
  [", sidecars: { nginx: { image: proxy } }", /The task has a container "nginx" already/],
  [", sidecars: { p: { image: proxy, settings: { name: q } } }", /sets `name` or `image`/],
  [", sidecars: { 'a b': { image: proxy } }", /a container's name/],
  [", task-definition: live, sidecars: { p: { image: proxy, settings: { cpu: 1 } } }", /they would have no effect/],
])("%s is a mistake", (service, what) => {
  expect(told(service)).toEqual([expect.stringMatching(what)]);
});
