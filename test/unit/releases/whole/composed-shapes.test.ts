import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { Release } from "../../../../src/domain/release.ts";
import { ReleaseFailed } from "../../../../src/releases/result.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { type Deployer, deployer } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { whatRuns } from "../../../releases/played/services.ts";
import { type Shape, shapes } from "../../../releases/played/shapes.ts";
import { type Deed, deedOf, type Job } from "./deeds.ts";

interface Row extends Omit<Job, "account"> {
  readonly name: string;
  readonly ends: Deed["outcome"];
}

const breaking: NonNullable<Job["given"]> = (account, sha) => account.breakCode(sha);

/** What is deployed, of each shape. */
function rows({ commits: { code, host, upgrade, none }, part: only }: Shape): readonly Row[] {
  const both = { ...code, ...host };
  return [
    { name: "a first release", commits: [{}], ends: "committed" },
    { name: "a first release that does not load", commits: [{}], given: breaking, ends: "taken-back" },
    { name: "a change of code", commits: [{}, code], ends: "committed" },
    { name: "a change of the host", commits: [{}, host], ends: "committed" },
    { name: "no change", commits: [{}, none], ends: null },
    { name: "a change that does not load", commits: [{}, both], given: breaking, ends: "taken-back" },
    { name: "a part of a change", commits: [{}, both], only, ends: "committed" },
    { name: "another minor version of Dagster", commits: [{}, { ...code, ...upgrade }], ends: "committed" },
    {
      name: "another minor version of Dagster that does not load",
      commits: [{}, { ...code, ...upgrade }],
      given: breaking,
      ends: "taken-back",
    },
  ];
}

describe.each(shapes)("$name", (shape) => {
  test.each(rows(shape))("$name: by four actions in one job the same writes as by one", async ({ ends, ...row }) => {
    const job = { ...row, account: shape.account };
    const one = await deedOf(job, "by one");
    expect({ ends: one.outcome, wrong: one.wrong }).toEqual({ ends, wrong: [] });
    expect(await deedOf(job, "by four, the release passed on")).toEqual(one);
    expect(await deedOf(job, "by four, the release left empty")).toEqual(one);
  });
});

test("Going back is the root action's alone: no other that works on a stack has an input that says where to", () => {
  const folder = join(import.meta.dirname, "../../../../actions");
  // `stack` is the root action, under a path; `sync-dags` goes back by itself, beside any stack.
  const others = ["stack", "sync-dags"];
  const actions = readdirSync(folder).filter(
    (name) => existsSync(join(folder, name, "action.yml")) && !others.includes(name),
  );
  expect(actions).toContain("deploy-service");
  for (const action of actions) {
    const { inputs } = parse(readFileSync(join(folder, action, "action.yml"), "utf8")) as { readonly inputs: object };
    expect(Object.keys(inputs)).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(to|command)$/)]));
  }
});

/** By the root action. */
describe.each(shapes)("Going back: $name", ({ account: options, commits: { code, host } }) => {
  let account: PlayedAccount;
  let first: Release;
  let firstRuns: Awaited<ReturnType<typeof whatRuns>>;
  beforeEach(async () => {
    account = await openAccount(options);
    await account.commit({});
    ({ release: first } = await act(1, (who) => who.deploy()));
    firstRuns = await whatRuns(account);
    await account.commit({ ...code, ...host });
    await act(2, (who) => who.deploy());
  });
  afterEach(() => account.close());

  async function act<T>(run: number, what: (who: Deployer) => Promise<T>): Promise<T> {
    const result = await account.clock.run(what(deployer(account, { run })));
    await account.clock.pass(60_000);
    return result;
  }

  test("every service runs what it ran", async () => {
    expect(await whatRuns(account)).not.toEqual(firstRuns);
    await act(3, (who) => who.rollback(first.id));
    expect(await whatRuns(account)).toEqual(firstRuns);
    expect(await wrongWith(account)).toEqual([]);
    expect((await act(4, (who) => who.rollback(first.id))).outcome).toBeNull();
  });

  test("to what does not load any more is taken back", async () => {
    const before = await whatRuns(account);
    account.breakCode(first.source.sha);
    const error = await act(3, (who) => who.rollback(first.id).catch((thrown: unknown) => thrown));
    expect(error).toBeInstanceOf(ReleaseFailed);
    expect(String(error)).toMatch(/does not load/);
    expect(await whatRuns(account)).toEqual(before);
    expect(await wrongWith(account)).toEqual([]);
  });
});
