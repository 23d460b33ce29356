import { DescribeImageScanFindingsCommand, StartImageScanCommand } from "@aws-sdk/client-ecr";
import type { EcrSend } from "../../../../src/aws/ecr.ts";
import { AwsError } from "../../../../src/aws/error.ts";
import { classify } from "../../../../src/aws/failure.ts";
import type { Context } from "../../../../src/domain/context.ts";
import type { Digest } from "../../../../src/domain/identifiers.ts";
import type { StoredManifest } from "../../../../src/images/manifest.ts";
import { scanImage } from "../../../../src/images/scan/scan.ts";

const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}` as Digest;
const stored: StoredManifest = {
  digest: digest("1"),
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  bytes: Buffer.from("{}"),
};

interface Played {
  readonly context: Context;
  readonly ecr: EcrSend;
  /** Seconds at which each call was made, and of which image. */
  readonly calls: string[];
}

type Answer = object | { readonly refused: string };

/** An ECR that gives these answers, the last one for ever; StartImageScan is refused with `start`. */
function played(answers: readonly Answer[], start: string | null = null): Played {
  let now = 0;
  let asked = 0;
  const calls: string[] = [];
  const refuse = (name: string): never => {
    const cause = Object.assign(new Error(name), { name, $fault: "client", $metadata: { httpStatusCode: 400 } });
    const failure = classify(cause);
    if (failure === null) throw new Error(`${name} is not classified`);
    const service = { name: "ECR", prefix: "ecr" };
    throw new AwsError({ service, operation: "any", resource: null, attempts: 1, failure }, cause);
  };
  const send = async (command: unknown): Promise<unknown> => {
    if (command instanceof StartImageScanCommand) {
      calls.push(`${now / 1000} start`);
      return start === null ? {} : refuse(start);
    }
    if (!(command instanceof DescribeImageScanFindingsCommand)) throw new Error("another call");
    calls.push(`${now / 1000} ${command.input.imageId?.imageDigest?.slice(7, 9)}`);
    const answer = answers[Math.min(asked++, answers.length - 1)] ?? {};
    return "refused" in answer ? refuse(String(answer.refused)) : answer;
  };
  const clock = { now: () => now, sleep: async (milliseconds: number) => void (now += milliseconds) };
  const context: Context = { clock, signal: new AbortController().signal, report: () => undefined };
  return { context, ecr: send as EcrSend, calls };
}

const over = (counts: object): Answer => ({
  imageScanStatus: { status: "COMPLETE" },
  imageScanFindings: { imageScanCompletedAt: new Date(0), findingSeverityCounts: counts },
});
const off = { rule: "off", inStackFile: true } as const;
const report = { rule: "report", inStackFile: true } as const;
const gate = { rule: "gate", inStackFile: true } as const;
const notFound = { refused: "ScanNotFoundException" };

test("off asks nothing", async () => {
  const { ecr, context, calls } = played([over({ CRITICAL: 1 })]);
  expect(await scanImage(ecr, context, off, "app", stored)).toEqual([]);
  expect(calls).toEqual([]);
});

test("a scan that is under way is waited for", async () => {
  const { ecr, context, calls } = played([notFound, { imageScanStatus: { status: "IN_PROGRESS" } }, over({ HIGH: 2 })]);
  expect(await scanImage(ecr, context, gate, "app", stored)).toMatchObject([
    { id: "image-vulnerable", level: "error" },
  ]);
  expect(calls).toEqual(["0 11", "5 11", "10 11"]);
});

test("one that does not begin by itself is begun, once", async () => {
  const none = Array.from({ length: 7 }, () => notFound);
  const { ecr, context, calls } = played([...none, over({})]);
  expect(await scanImage(ecr, context, gate, "app", stored)).toEqual([]);
  expect(calls.filter((call) => call.endsWith("start"))).toEqual(["20 start"]);
});

test("a repository that is scanned all the time refuses that, and is waited for", async () => {
  const none = Array.from({ length: 7 }, () => notFound);
  const { ecr, context } = played([...none, over({})], "ValidationException");
  expect(await scanImage(ecr, context, gate, "app", stored)).toEqual([]);
});

test("without a result in ten minutes a gate stops, and a report says so", async () => {
  const pending = [{ imageScanStatus: { status: "PENDING" } }];
  const gated = played(pending);
  expect(await scanImage(gated.ecr, gated.context, gate, "app", stored)).toMatchObject([
    { id: "image-not-scanned", level: "error" },
  ]);
  expect(gated.context.clock.now()).toBe(600_000);
  const reported = played(pending);
  expect(await scanImage(reported.ecr, reported.context, report, "app", stored)).toMatchObject([{ level: "warning" }]);
});

test("of an index every image is looked at, and no attestation", async () => {
  const platform = (os: string, architecture: string): object => ({ os, architecture });
  const manifests = [
    { mediaType: "m", digest: digest("a"), size: 1, platform: platform("linux", "amd64") },
    { mediaType: "m", digest: digest("b"), size: 1, platform: platform("linux", "arm64") },
    { mediaType: "m", digest: digest("c"), size: 1, platform: platform("unknown", "unknown") },
  ];
  const index = {
    ...stored,
    mediaType: "application/vnd.oci.image.index.v1+json",
    bytes: Buffer.from(JSON.stringify({ manifests })),
  };
  const { ecr, context, calls } = played([over({})]);
  await scanImage(ecr, context, gate, "app", index);
  expect(calls.map((call) => call.slice(-2)).sort()).toEqual(["aa", "bb"]);
});

test("where a role may not ask, a gate stops, a report does not, and both say what it lacks", async () => {
  for (const [request, level] of [
    [gate, "error"],
    [report, "warning"],
  ] as const) {
    const { ecr, context } = played([{ refused: "AccessDeniedException" }]);
    const [finding, ...more] = await scanImage(ecr, context, request, "app", stored);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ id: "image-not-scanned", level });
    expect(finding?.what).toContain("the role may not ask");
    expect(finding?.fix).toContain("ecr:any");
  }
});

test("any other failure of ECR is one", async () => {
  const { ecr, context } = played([{ refused: "InvalidParameterException" }]);
  await expect(scanImage(ecr, context, report, "app", stored)).rejects.toThrow(AwsError);
});
