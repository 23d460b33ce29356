import { ReleaseFailed } from "../../../../src/releases/result.ts";
import { cells, kinds, play, refuseFrom, rows, wrongWithEnding } from "../../../releases/played/endings.ts";
import { refusal } from "../../../releases/played/refusal.ts";
import { rolled } from "../../../releases/played/situations.ts";
import type { OutsideCall } from "../../../releases/played/wire.ts";

describe.each(cells)("$kind: $what", (cell) => {
  test(`${cell.outcome}, and said so; the next release is clean`, async () => {
    expect(wrongWithEnding(cell, await play(cell, cell.kind))).toEqual([]);
  });
});

test("a canary that failed does not say that what ran before serves on, when taking back was denied", async () => {
  const row = rows.find(({ what }) => what === "the canary fails, and taking back is denied");
  const { error } = await play(row ?? {}, "a change of code");
  expect(error?.message).not.toMatch(/what ran before serves on/);
});

const expired = () => refusal("ExpiredTokenException", 400, "The security token included in the request is expired");
const denied = () => refusal("AccessDenied", 403, "Access Denied");
const broken = () => refusal("InternalError", 500, "We encountered an internal error. Please try again.");

function puts(name: string): (call: OutsideCall) => boolean {
  return ({ to, operation, about }) => to === "s3" && operation === "PutObject" && about.endsWith(`/${name}`);
}

function isAws({ to }: OutsideCall): boolean {
  return ["ecs", "s3", "logs", "ssm", "sts", "ecr"].includes(to);
}

describe.each(kinds)("%s, and all went well until it is to be recorded", (kind) => {
  const refusals = [
    { by: "S3 denies the outcome", wire: () => refuseFrom(puts("outcome.json"), puts("outcome.json"), denied) },
    { by: "S3 errs at the outcome", wire: () => refuseFrom(puts("outcome.json"), puts("outcome.json"), broken) },
    { by: "S3 denies the pointer", wire: () => refuseFrom(puts("current.json"), puts("current.json"), denied) },
    { by: "S3 errs at the pointer", wire: () => refuseFrom(puts("current.json"), puts("current.json"), broken) },
  ];

  test.each(refusals)("$by: nothing is taken back, and the next release goes on from it", async ({ wire }) => {
    const { error, records, gone, after, wrongInTheEnd } = await play({ wire }, kind);
    const begun = records.begun.at(-1);
    expect(error?.message).toMatch(/S3 PutObject|s3:PutObject/);
    expect(records.lock).toMatchObject({ holder: null, open: [begun] });
    expect(gone).toEqual([]);
    expect(Object.values(after)).not.toContain(null);
    expect(wrongInTheEnd).toEqual([]);
  });

  test.each(refusals)("$by: it says what runs now", async ({ wire }) => {
    const { error } = await play({ wire }, kind);
    expect(error).toBeInstanceOf(ReleaseFailed);
    for (const service of rolled[kind]) expect(error?.message).toContain(service);
  });
});

describe.each(kinds)("%s, and the session of the job is over", (kind) => {
  /** From the first call after this one on. */
  const over = (after: string) => {
    let heard = false;
    return refuseFrom(
      ({ operation }) => {
        const now = heard;
        heard ||= operation === after;
        return now;
      },
      isAws,
      expired,
    );
  };

  test("when a service has begun to move: it is named, the lock ends by itself, and the next release is clean", async () => {
    const { error, outcome, gone, records, lines, wrongInTheEnd } = await play(
      { wire: () => over("UpdateService") },
      kind,
    );
    expect(error).toBeInstanceOf(ReleaseFailed);
    expect(error?.message).toMatch(
      /^How small-\w+:\d+ does is not known any more: The AWS session of this job is over/,
    );
    expect(error?.message).toMatch(RegExp(`^Not taken back: ${rolled[kind][0] ?? ""}: The AWS session`, "m"));
    expect(outcome).toBeNull();
    expect(records.lock?.open).toEqual([records.begun.at(-1)]);
    expect(lines).toContainEqual(expect.stringMatching(/^how the release ended was not written: The AWS session/));
    expect(lines).toContainEqual(expect.stringMatching(/^the lock was not given back: The AWS session/));
    expect(gone).toEqual([]);
    expect(wrongInTheEnd).toEqual([]);
  });

  test("when the canary is launched: every service is named, and the next release is clean", async () => {
    const { error, gone, wrongInTheEnd } = await play({ wire: () => over("LaunchRun") }, kind);
    expect(error?.message).toMatch(/^The AWS session of this job is over: ExpiredTokenException/);
    for (const service of rolled[kind]) expect(error?.message).toMatch(RegExp(`^Not taken back: ${service}: `, "m"));
    expect(gone).toEqual([]);
    expect(wrongInTheEnd).toEqual([]);
  });

  test("when it has the lock: nothing moves, and the next release is clean", async () => {
    const { error, before, after, wrongInTheEnd } = await play({ wire: () => over("PutObject") }, kind);
    expect(error?.message).toMatch(/^The AWS session of this job is over: ExpiredTokenException/);
    expect(after).toEqual(before);
    expect(wrongInTheEnd).toEqual([]);
  });
});

describe.each(kinds)("%s, and after its first write ECS refuses to be asked", (kind) => {
  const isEcs = ({ to }: OutsideCall) => to === "ecs";
  let written = false;
  const wire = () => {
    written = false;
    return refuseFrom(
      ({ operation }) => {
        const now = written;
        written ||= operation === "UpdateService";
        return now;
      },
      isEcs,
      () => refusal("AccessDeniedException", 400, "User: deploy is not authorized to perform: ecs:DescribeServices"),
    );
  };

  test("it failed, names the service, and the next release is clean", async () => {
    const { error, outcome, gone, wrongInTheEnd } = await play({ wire }, kind);
    expect(error?.message).toMatch(
      /^How small-\w+:\d+ does is not known any more: the role of this job may not do ecs:/,
    );
    expect(error?.message).toMatch(RegExp(`^Not taken back: ${rolled[kind][0] ?? ""}: `, "m"));
    expect(outcome).toMatchObject({ outcome: "failed" });
    expect(gone).toEqual([]);
    expect(wrongInTheEnd).toEqual([]);
  });

  test("its record names the service that is not as it was", async () => {
    const { outcome } = await play({ wire }, kind);
    expect(outcome?.services.map(({ service, takenBack }) => ({ service, takenBack }))).toEqual([
      { service: rolled[kind][0], takenBack: false },
    ]);
  });
});
