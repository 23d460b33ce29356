import type { EcrSend } from "../../../../src/aws/ecr.ts";
import type { Progress } from "../../../../src/domain/context.ts";
import type { MakingObservation } from "../../../../src/images/index.ts";
import { makeImage } from "../../../../src/releases/steps/image.ts";
import type { ImageWorkshop } from "../../../../src/releases/workshop.ts";

const digest = `sha256:${"1".repeat(64)}`;

/** An image that is there and named, of which ECR's scan knows these numbers. */
function shop(rule: "report" | "gate", counts: object, checks: object): { shop: ImageWorkshop; said: Progress[] } {
  const said: Progress[] = [];
  const ecr: unknown = async () => ({
    imageScanStatus: { status: "COMPLETE" },
    imageScanFindings: { imageScanCompletedAt: new Date(0), findingSeverityCounts: counts },
  });
  const observation = {
    way: "docker",
    request: { repository: "app", platform: "linux/amd64", source: { repository: "o/r", sha: "a" }, dockerfile: "D" },
    contentKey: "key",
    inputs: {},
    images: [],
    found: { digest, mediaType: "application/vnd.oci.image.manifest.v1+json", bytes: Buffer.from("{}") },
    kept: null,
    commitTag: { name: "a", digest },
    lacks: null,
  };
  return {
    said,
    shop: {
      context: {
        clock: { now: () => Date.parse("2026-11-22"), sleep: () => Promise.resolve() },
        signal: new AbortController().signal,
        report: (progress) => said.push(progress),
      },
      stack: { images: { app: { scan: rule } }, checks } as never,
      images: { ecr: ecr as EcrSend } as never,
      imageObservations: { app: observation as unknown as MakingObservation },
      copyObservations: {},
    },
  };
}

const step = { kind: "image", image: "app", keptBy: [], way: "name" } as never;
const found = (said: readonly Progress[]): readonly unknown[] =>
  said.flatMap((one) => (one.kind === "finding" ? [[one.finding.level, one.finding.what]] : []));

test("that an exception has ended is said once of what a scan finds", async () => {
  const played = shop(
    "report",
    { HIGH: 1 },
    { "image-vulnerable": { level: "off", until: "2026-11-01", reason: "r" } },
  );
  await makeImage(played.shop, step);
  expect(found(played.said)).toEqual([
    [
      "warning",
      "The scan of ECR knows of vulnerabilities in this image: 1 high. The exception for image-vulnerable ended on 2026-11-01.",
    ],
  ]);
});

test("an exception lets a gate pass, and without one it stops", async () => {
  const lowered = shop("gate", { HIGH: 1 }, { "image-vulnerable": { level: "notice", until: null, reason: "r" } });
  await makeImage(lowered.shop, step);
  expect(found(lowered.said)).toEqual([["notice", expect.stringContaining("1 high")]]);
  await expect(makeImage(shop("gate", { HIGH: 1 }, {}).shop, step)).rejects.toThrow("1 high");
});
