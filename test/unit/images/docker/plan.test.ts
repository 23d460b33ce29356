import type { Digest, Sha } from "../../../../src/domain/identifiers.ts";
import type { DockerInputs } from "../../../../src/images/docker/inputs.ts";
import type { DockerObservation } from "../../../../src/images/docker/observe.ts";
import { planBuild } from "../../../../src/images/docker/plan.ts";

const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}` as Digest;
const sha = "a".repeat(40) as Sha;
const key = "c".repeat(40);
const found = { digest: digest("f"), mediaType: "", bytes: new Uint8Array() };

const inputs: DockerInputs = {
  scheme: "docker-1",
  platform: "linux/amd64",
  dockerfile: "d",
  target: null,
  arguments: {},
  secrets: [],
  provenance: "off",
  images: {},
  files: {},
};

function observation(more: Partial<DockerObservation> = {}): DockerObservation {
  return {
    way: "docker",
    request: {
      way: "docker",
      repository: "app",
      createRepository: null,
      platform: "linux/amd64",
      source: { repository: "owner/app", sha },
      isDirty: false,
      root: "/checkout",
      place: null,
      context: ".",
      dockerfile: "Dockerfile",
      target: null,
      arguments: {},
      secrets: {},
      cache: null,
      cacheFrom: [],
      cacheTo: [],
      noCache: false,
      provenance: "off",
      builder: null,
    },
    contentKey: key,
    inputs,
    sources: { folder: "/checkout", dockerfile: "", ignore: "", files: {} },
    images: [],
    hasRepository: true,
    found: null,
    kept: null,
    commitTag: { name: sha, digest: null },
    former: null,
    lacks: null,
    ...more,
  };
}

test("what the registry does not have is built, and its digest is known then", () => {
  expect(planBuild(observation())).toMatchObject({
    way: "docker",
    digest: null,
    tags: [sha, `src-${key}`],
    reasons: ["no image of this repository is released"],
  });
});

test("what is released already keeps the commit that it was built of: a tag of another one is no conflict", () => {
  const source = { repository: "owner/app", sha: "b".repeat(40) as Sha };
  const kept = {
    repository: "app",
    digest: found.digest,
    contentKey: key,
    platform: inputs.platform,
    source,
    dagster: null,
  };
  const commitTag = { name: sha, digest: digest("1") };
  expect(planBuild(observation({ found, kept, commitTag }))).toMatchObject({ way: "reuse", tags: [], findings: [] });
  expect(planBuild(observation({ found, commitTag })).findings).toEqual([
    expect.objectContaining({ id: "commit-tag-taken", where: `app:${sha}` }),
  ]);
});
