import { createHash } from "node:crypto";
import type { Digest } from "../../../src/domain/identifiers.ts";
import type { ImagePart, Release } from "../../../src/domain/release.ts";
import type { ImageClients } from "../../../src/images/index.ts";
import { planRelease } from "../../../src/releases/plan.ts";
import { observePromoted } from "../../../src/releases/promotion.ts";
import { memoryRegistry } from "../../releases/played/memory-registry.ts";
import { plainWire } from "../../releases/played/wire.ts";
import { testContext } from "../context.ts";
import { begin, carriedOut, dealFlow, shaOf, untouchedWorld } from "./world.ts";

const stack = dealFlow();
const world = untouchedWorld(stack);
const { current } = carriedOut(
  stack,
  world,
  planRelease(stack, world.observation, begin(world, shaOf("a"))),
).observation;
const host = current?.images["host"];
if (current === null || host === undefined) throw new Error("the example has another shape now");
const older = { ...host, contentKey: "0".repeat(40) };

describe("of a release that is promoted", () => {
  test.each([
    ["each image is looked for", {}, ["code", "host"]],
    ["so is an image that a service keeps", { daemon: older }, ["code", "host", "service/daemon"]],
    [
      "not one of a service that runs another image of the stack file here",
      { daemon: { ...older, repository: "another/one" } },
      ["code", "host"],
    ],
    ["nor one of a service that is not here", { gone: older }, ["code", "host"]],
  ])("%s", async (_, kept, names) => {
    const repositories = Object.values(stack.images).map(({ repository }) => repository);
    const memory = memoryRegistry("123456789012", repositories);
    const put = (part: ImagePart): ImagePart => {
      const bytes = Buffer.from(part.contentKey);
      memory.put(part.repository, part.contentKey, "application/vnd.oci.image.manifest.v1+json", bytes);
      return { ...part, digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest };
    };
    const there = (parts: Release["images"]): Release["images"] =>
      Object.fromEntries(Object.entries(parts).map(([key, part]) => [key, put(part)]));
    const registry = memory.open(testContext().context, plainWire);
    const unused: ImageClients["ecr"] = () => Promise.reject(new Error("nothing is asked of ECR"));
    const release = { ...current, images: there(current.images), kept: there(kept) };
    const promotion = {
      environment: "staging",
      release,
      unfinished: [],
      registry: () => Promise.resolve(registry),
      pointers: () => {
        throw new Error("no DAGs are looked for");
      },
    };
    const found = await observePromoted(
      {
        registry,
        ecr: unused,
        scratch: "/nowhere",
        kept: "/nowhere",
        making: new Map(),
        bases: new Map(),
        prepared: new Map(),
      },
      promotion,
      stack,
      true,
    );
    expect(Object.keys(found).sort()).toEqual(names);
  });
});
