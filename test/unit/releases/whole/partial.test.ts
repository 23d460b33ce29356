import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Part } from "../../../../src/domain/plan.ts";
import type { Release } from "../../../../src/domain/release.ts";
import type { Result } from "../../../../src/releases/result.ts";
import { explainStatus } from "../../../../src/releases/status.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { killedBefore } from "../../../releases/played/killed-before.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { newCode, newHost } from "../../../releases/played/situations.ts";
import type { Wire } from "../../../releases/played/wire.ts";
import { errorOf } from "../../../error-of.ts";

let account: PlayedAccount;
beforeEach(async () => {
  account = await openAccount();
});
afterEach(() => account.close());

async function release(run: number, options: DeployerOptions = {}): Promise<Release> {
  const { release: made } = await account.clock.run(deployer(account, { run, ...options }).deploy());
  await account.clock.pass(60_000);
  return made;
}

function refused(run: number, options: DeployerOptions): Promise<unknown> {
  return account.clock.run(errorOf(deployer(account, { run, ...options }).deploy()));
}

const only = (...names: string[]): DeployerOptions => ({ wishes: { only: names } });
const pinned = ({ images, taskDefinitions }: Release, key: string) => [images[key], taskDefinitions[`service/${key}`]];

describe("A release of some components only", () => {
  test("rolls these, and keeps all else as it is, although that has changed in the checkout", async () => {
    const first = await release(1);
    await account.commit({ ...newCode, ...newHost });
    const second = await release(2, only("code"));
    expect(second).toMatchObject({ base: first.id, only: ["code"] });
    expect(second.images["code"]).not.toEqual(first.images["code"]);
    expect(second.images["host"]).toEqual(first.images["host"]);
    for (const key of ["daemon", "webserver"]) expect(pinned(second, key)).toEqual(pinned(first, key));
    expect(await wrongWith(account)).toEqual([]);
    const rest = await release(3);
    expect(rest.images["code"]).toEqual(second.images["code"]);
    expect(rest.images["host"]).not.toEqual(first.images["host"]);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("says so: in its plan, in its summary, and in status", async () => {
    const first = await release(1);
    await account.commit(newCode);
    const { summary: planned } = await account.clock.run(deployer(account, { run: 2, ...only("code") }).plan());
    const { summary } = await account.clock.run(deployer(account, { run: 2, ...only("code") }).deploy());
    const status = explainStatus(await account.clock.run(deployer(account, { run: 3 }).status()));
    for (const { markdown } of [planned, summary, status])
      expect(markdown).toContain(`Of \`code\` only; all else stays as in release \`${first.id}\`.`);
  });

  test("does not read what goes into the others", async () => {
    await release(1);
    await account.commit(newCode);
    for (const file of ["dagster.yaml", "workspace.yaml"]) await rm(join(account.root, file));
    await release(2, only("small"));
    expect(await wrongWith(account)).toEqual([]);
  });

  test("is taken back to what was, when it fails", async () => {
    const first = await release(1);
    account.breakCode(await account.commit(newCode));
    expect(await refused(2, only("code"))).toMatchObject({ name: "ReleaseFailed" });
    await account.clock.pass(60_000);
    expect(recordsOf(account).current?.release).toBe(first.id);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("cannot be the first", async () => {
    expect(await refused(1, only("code"))).toMatchObject({
      name: "UserError",
      what: expect.stringContaining("a first release is of the whole stack") as unknown,
      where: "input only",
    });
  });

  test("that waited is begun anew on what was released meanwhile, and keeps the parts of that", async () => {
    await release(1);
    const sha = await account.commit({ ...newCode, ...newHost });
    let host: Promise<Result> | null = null;
    // Its images are made before it asks for the lock, and by then somebody else has it.
    const wire: Wire = async (call, effect) => {
      if (call.operation === "PutObject") await (host ??= deployer(account, { run: 3, ...only("host") }).deploy());
      return effect();
    };
    const { release: code } = await account.clock.run(deployer(account, { run: 2, wire, ...only("code") }).deploy());
    await account.clock.pass(60_000);
    const [, second = null, third = null] = recordsOf(account).begun;
    expect(code).toMatchObject({ id: third, base: second, source: { sha } });
    expect(recordsOf(account).outcome(code.base ?? code.id)?.release.only).toEqual(["host"]);
    expect(code.images["host"]).toEqual(recordsOf(account).outcome(code.base ?? code.id)?.release.images["host"]);
    expect(await wrongWith(account)).toEqual([]);
  });
});

describe("From a repository of its own", () => {
  const elsewhere = { repository: "owner/code" };

  test("a location is released on its own, and each repository goes forward by itself", async () => {
    const first = await release(1);
    const sha = await account.commit(newCode);
    const second = await release(2, { ...elsewhere, ...only("small") });
    expect(second.sources).toEqual({ "owner/small": first.source.sha, "owner/code": sha });
    expect(second.images["code"]?.source).toEqual({ repository: "owner/code", sha });
    const third = await account.commit(newHost);
    const host = await release(3, only("host"));
    expect(host.sources).toEqual({ "owner/small": third, "owner/code": sha });
    expect(host.images["code"]).toEqual(second.images["code"]);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("an older commit of it is superseded, as any other", async () => {
    const first = await release(1);
    await account.commit(newCode);
    const second = await release(2, { ...elsewhere, ...only("small") });
    await account.checkOut(first.source.sha);
    expect(await refused(3, { ...elsewhere, ...only("small") })).toMatchObject({
      kind: "superseded",
      what: expect.stringContaining(`does not contain ${second.source.sha}`) as unknown,
    });
  });

  test("the whole stack is not released, unless that is allowed", async () => {
    await release(1);
    await account.commit(newCode);
    expect(await refused(2, elsewhere)).toMatchObject({
      kind: "superseded",
      what: expect.stringContaining("Nothing that runs comes from owner/code, but from owner/small") as unknown,
      fix: expect.stringContaining("`only`") as unknown,
    });
    await release(3, { ...elsewhere, allowDivergent: true });
    expect(await wrongWith(account)).toEqual([]);
  });
});

describe("By four actions in one job", () => {
  const parts: readonly (readonly Part[])[] = [["images"], ["migrations"], ["definitions"], ["rollout"]];

  test.each([
    ["named in each, the release passed on", () => true, true],
    ["named in the first, the release passed on", (step: number) => step === 0, true],
    ["named in each, the release left empty", () => true, false],
    ["named up to the first that writes, the release left empty", (step: number) => step < 2, false],
  ] as const)("it is about the same: %s", async (_, names, passesOn) => {
    await release(1);
    await account.commit({ ...newCode, ...newHost });
    let last: Release | null = null;
    for (const [step, some] of parts.entries()) {
      const who = deployer(account, { run: 2, ...(names(step) ? only("code") : {}) });
      ({ release: last } = await account.clock.run(who.deploy({ parts: some, release: passesOn ? last : null })));
    }
    await account.clock.pass(60_000);
    expect(last).toMatchObject({ only: ["code"], id: recordsOf(account).current?.release });
    expect(await wrongWith(account)).toEqual([]);
  });

  test("a step that names others is refused", async () => {
    await release(1);
    await account.commit({ ...newCode, ...newHost });
    const { release: begun } = await account.clock.run(
      deployer(account, { run: 2, ...only("code") }).deploy({ parts: ["images"] }),
    );
    const later = deployer(account, { run: 2, ...only("host") }).deploy({ parts: ["rollout"], release: begun });
    await expect(account.clock.run(later)).rejects.toThrow(
      "The release that was handed over is of code, and this step is of host.",
    );
  });

  test("one step for all of it does not go on with a part that was cut", async () => {
    await release(1);
    await account.commit({ ...newCode, ...newHost });
    await killedBefore(
      account,
      ({ operation }) => operation === "UpdateService",
      (wire) => deployer(account, { run: 2, wire, ...only("code") }).deploy(),
    );
    const whole = await release(2, { attempt: 2 });
    expect(whole.only).toBeNull();
    expect(await wrongWith(account)).toEqual([]);
  });
});
