import { DescribeImageScanFindingsCommand, StartImageScanCommand } from "@aws-sdk/client-ecr";
import type { EcrSend } from "../../aws/ecr.ts";
import { isAwsError } from "../../aws/error.ts";
import type { Context } from "../../domain/context.ts";
import type { Finding } from "../../domain/finding.ts";
import { platformsOf, type StoredManifest } from "../manifest.ts";
import { judgeScan, notScanned, type ScanAnswer, type ScanRequest, scanFindings } from "./judge.ts";

/**
 * Waits for what ECR's scan says of an image that was just pushed. One that does not begin by itself is begun; of an index, every image
 * is looked at, since ECR scans no index.
 * @returns what is to be said of it: errors where `gate` stops
 * @throws AwsError
 */
export async function scanImage(
  ecr: EcrSend,
  context: Context,
  request: ScanRequest,
  repository: string,
  stored: StoredManifest,
): Promise<readonly Finding[]> {
  if (request.rule === "off") return [];
  const children = platformsOf(stored);
  const digests = children === null ? [stored.digest] : [...children.values()];
  const found: Finding[] = [];
  for (const digest of digests) found.push(...(await scanAllowed(ecr, context, request, { repository, digest })));
  return found;
}

interface Scanned {
  readonly repository: string;
  readonly digest: string;
}

/** That a role may not ask is no reason to stop what a scan is not to stop. */
async function scanAllowed(
  ecr: EcrSend,
  context: Context,
  request: ScanRequest,
  image: Scanned,
): Promise<readonly Finding[]> {
  try {
    return await scanOne(ecr, context, request, image);
  } catch (error) {
    if (!isAwsError(error, "denied")) throw error;
    return [notScanned(request, `${image.repository}@${image.digest}`, "the role may not ask for it", error.fix)];
  }
}

async function scanOne(
  ecr: EcrSend,
  context: Context,
  request: ScanRequest,
  image: Scanned,
): Promise<readonly Finding[]> {
  const { clock, signal, report } = context;
  const where = `${image.repository}@${image.digest}`;
  const begun = clock.now();
  let asked = false;
  report({ kind: "line", text: `Waiting for ECR's scan of ${where}` });
  for (;;) {
    const answer = await ask(ecr, image);
    const state = judgeScan(answer);
    if (state.kind === "scanned") return scanFindings(request, where, answer);
    if (state.kind === "never") return [notScanned(request, where, state.why)];
    const waited = clock.now() - begun;
    if (waited >= longestMilliseconds) return [notScanned(request, where, "there was no result within ten minutes")];
    if (state.notBegun && !asked && waited >= beginsByItselfMilliseconds) {
      asked = true;
      await start(ecr, image);
    }
    await clock.sleep(pauseMilliseconds, signal);
  }
}

const pauseMilliseconds = 5_000;
const beginsByItselfMilliseconds = 20_000;
const longestMilliseconds = 600_000;

async function ask(ecr: EcrSend, { repository, digest }: Scanned): Promise<ScanAnswer> {
  try {
    const { imageScanStatus, imageScanFindings } = await ecr(
      new DescribeImageScanFindingsCommand({ repositoryName: repository, imageId: { imageDigest: digest } }),
      { resource: `repository ${repository}` },
    );
    const basic = (imageScanFindings?.findings ?? []).map(({ name, severity }) => ({ name, severity }));
    const enhanced = (imageScanFindings?.enhancedFindings ?? []).map(({ packageVulnerabilityDetails, severity }) => ({
      name: packageVulnerabilityDetails?.vulnerabilityId,
      severity,
    }));
    return {
      status: imageScanStatus?.status ?? null,
      isComplete: imageScanFindings?.imageScanCompletedAt !== undefined,
      counts: imageScanFindings?.findingSeverityCounts ?? {},
      named: [...basic, ...enhanced].map(({ name = "", severity = "" }) => ({ name, severity })),
    };
  } catch (error) {
    // ScanNotFoundException: it has not begun; ImageNotFoundException: ECR has not seen all of the push yet.
    if (isAwsError(error, "not-found")) return { status: null, isComplete: false, counts: {}, named: [] };
    throw error;
  }
}

/** A repository that is scanned on push, or all the time, begins by itself: then this is refused, and nothing is lost. */
async function start(ecr: EcrSend, { repository, digest }: Scanned): Promise<void> {
  try {
    await ecr(new StartImageScanCommand({ repositoryName: repository, imageId: { imageDigest: digest } }), {
      resource: `repository ${repository}`,
    });
  } catch (error) {
    if (!isAwsError(error, "invalid", "conflict", "not-found")) throw error;
  }
}
