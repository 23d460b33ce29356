import { type Later, later, laterText, resolve } from "../../../src/domain/later.ts";
import { type GeneratedRequest, render } from "../../../src/task-definitions/render.ts";

const proxy = "registry/shop/proxy@sha256:2";
const request: GeneratedRequest = {
  kind: "generated",
  family: "shop-daemon",
  container: "daemon",
  role: { kind: "daemon", workspace: null, code: null },
  dags: null,
  image: "registry/shop@sha256:1",
  command: null,
  environment: {},
  secrets: {},
  size: { cpu: 256, memory: 512 },
  volumes: [],
  platform: "linux/arm64",
  executionRoleArn: null,
  taskRoleArn: null,
  log: { group: "/shop", region: "eu-central-1", prefix: "daemon" },
  region: "eu-central-1",
  labels: {},
  tags: {},
};

const containersOf = (image: Later): unknown => {
  const sidecars = { proxy: { image, settings: { essential: true, environment: [{ name: "PORT", value: "1" }] } } };
  const agent = { image: "public.ecr.aws/datadog/agent:7", settings: {} };
  const rendered = render({ ...request, sidecars: { ...sidecars, agent } });
  const resolved = resolve(rendered, { "image/proxy": { digest: "sha256:2" } });
  return (resolved as { readonly containerDefinitions: unknown }).containerDefinitions;
};

test("stand behind what runs Dagster, end no task, and write their lines beside it, unless they say otherwise", () => {
  expect(containersOf(laterText`registry/shop/proxy@${later("image/proxy", "digest")}`)).toMatchObject([
    { name: "daemon", essential: true },
    {
      name: "agent",
      image: "public.ecr.aws/datadog/agent:7",
      essential: false,
      logConfiguration: { logDriver: "awslogs" },
    },
    { name: "proxy", image: proxy, essential: true, environment: [{ name: "PORT", value: "1" }] },
  ]);
});

test("a definition of the user's own has their images set, and nothing else of them", () => {
  const content = {
    family: "shop-daemon",
    containerDefinitions: [
      { name: "daemon", image: "old" },
      { name: "proxy", image: "old", essential: false, environment: [{ name: "PORT", value: "" }] },
    ],
  };
  const rendered = render({
    kind: "existing",
    family: "shop-daemon",
    container: "daemon",
    content,
    image: "registry/shop@sha256:1",
    sidecarImages: { proxy },
    variables: [],
    code: null,
    labels: {},
    tags: {},
  });
  expect(rendered).toMatchObject({
    containerDefinitions: [
      { name: "daemon", image: "registry/shop@sha256:1" },
      { name: "proxy", image: proxy, essential: false, environment: [{ name: "PORT", value: "" }] },
    ],
  });
});
