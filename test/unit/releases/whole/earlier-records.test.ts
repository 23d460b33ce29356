import { readFileSync } from "node:fs";
import { releaseSchema } from "../../../../src/domain/release.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { readPastClient } from "../../local-aws/stage.ts";

/**
 * An account as a version of these actions left it that wrote releases of schema 1: two releases, and a third that was killed right
 * after it had begun to roll the code location. Objects are byte for byte what it wrote.
 */
interface Left {
  readonly objects: Readonly<Record<string, string>>;
  readonly images: readonly {
    readonly repository: string;
    readonly digest: string;
    readonly mediaType: string;
    readonly manifest: string;
    readonly config: string;
  }[];
  readonly taskDefinitions: readonly object[];
  readonly services: Readonly<Record<string, string>>;
}

const left = JSON.parse(readFileSync("test/fixtures/journal/version-1.json", "utf8")) as Left;
const first = "20261121T100000Z-51404039922aa9e8a051a07b1172bc3cf9eb1bf1";
const second = "20261121T110020Z-6cf2aeb7c23e80b86fd2ebfb0f430ab4162e036f";
const killed = "20261121T120037Z-087d7a7c7811053eb4692b2575eab9e505303995";

let account: PlayedAccount;
beforeEach(async () => {
  account = await openAccount();
  const { s3, registry, aws, clock } = account;
  await clock.pass(2 * 3600_000);
  for (const { repository, digest, mediaType, manifest, config } of left.images) {
    registry.put(repository, digest, mediaType, Buffer.from(manifest));
    registry.putBlob(Buffer.from(config));
  }
  for (const definition of left.taskDefinitions) await readPastClient(aws, "RegisterTaskDefinition", definition);
  for (const [service, taskDefinition] of Object.entries(left.services))
    await readPastClient(aws, "UpdateService", { cluster: "small", service, taskDefinition, desiredCount: 1 });
  for (const [path, Body] of Object.entries(left.objects)) {
    const [Bucket = "", Key = ""] = path.split(/\/(.*)/s);
    s3.answer("PutObject", { Bucket, Key, Body });
  }
  await clock.pass(20 * 60_000);
});
afterEach(() => account.close());

/** The newest commit follows what was released, as nothing here can tell. */
const who = () => deployer(account, { run: 9, allowDivergent: true });

test("are read by status", async () => {
  const { current, history, holder } = await account.clock.run(who().status());
  expect(current).toMatchObject({ schema: 2, id: second, sources: { "owner/small": second.slice(17) }, only: null });
  expect(history).toMatchObject([
    { id: killed, ended: "interrupted" },
    { id: second, ended: "committed" },
    { id: first, ended: "committed" },
  ]);
  expect(holder).toBeNull();
});

test("are what a deploy is begun on; what was killed is gone on from", async () => {
  await account.commit({ "app/main.py": "VERSION = 4\n" });
  const { outcome, release } = await account.clock.run(who().deploy());
  expect(outcome).toBe("committed");
  expect(release.base).toBe(second);
  const records = recordsOf(account);
  expect(records.intent(release.id)?.continues).toEqual([killed]);
  expect(records.outcome(release.id)?.release.schema).toBe(2);
  await account.clock.pass(5 * 60_000);
  expect(await wrongWith(account)).toEqual([]);
});

test.each([
  ["its id", first, first],
  ["the beginning of its SHA", first.slice(17, 27), first],
  ["`previous`", "previous", first],
  ["a time", "2026-11-21T10:30Z", first],
  ["the id of what is current, away from what was killed", second, second],
])("are gone back to, by %s", async (_, to, target) => {
  const { outcome, release } = await account.clock.run(who().rollback(to));
  expect(outcome).toBe("committed");
  const read = JSON.parse(left.objects[`${account.recordsPrefix}releases/${target}/outcome.json`] ?? "{}") as {
    readonly release: unknown;
  };
  expect(release.images).toEqual(releaseSchema.parse(read.release).images);
  await account.clock.pass(5 * 60_000);
  expect(await wrongWith(account)).toEqual([]);
});
