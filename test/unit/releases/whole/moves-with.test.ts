import type { Result } from "../../../../src/releases/result.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { type Deployer, deployer } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { lockOf, oneImage } from "../../../releases/played/upgrade.ts";
import { readPastClient } from "../../local-aws/stage.ts";

let account: PlayedAccount;
let runs = 0;
let first: Result;
beforeEach(async () => {
  account = await openAccount(oneImage);
  first = await act((who) => who.deploy());
});
afterEach(() => account.close());

async function act(what: (who: Deployer) => Promise<Result>): Promise<Result> {
  runs += 1;
  const result = await account.clock.run(what(deployer(account, { run: runs })));
  await account.clock.pass(60_000);
  expect(await wrongWith(account)).toEqual([]);
  return result;
}

const newCode = (number: number) => ({ "app/main.py": `VERSION = ${number}\n` });
const rolled = ({ services }: Result): readonly string[] => services.map(({ service }) => service);

test("a change of code leaves the hosts on their image, release after release, and the record says which", async () => {
  for (const number of [2, 3]) {
    await account.commit(newCode(number));
    const result = await act((who) => who.deploy());
    expect(rolled(result)).toEqual(["code"]);
    expect(result.release.kept["daemon"]).toEqual(first.release.images["code"]);
    expect(result.release.images["code"]?.digest).not.toBe(first.release.images["code"]?.digest);
  }
  expect(rolled(await act((who) => who.deploy()))).toEqual([]);
});

test("a new dagster.yaml moves them, to the newest image", async () => {
  await account.commit(newCode(2));
  await act((who) => who.deploy());
  await account.commit({ "dagster.yaml": "telemetry: { enabled: true }\n" });
  const result = await act((who) => who.deploy());
  expect(rolled(result)).toEqual(["code", "daemon", "webserver"]);
  expect(result.release.kept).toEqual({});
});

test("a patch of Dagster moves them behind the code, and going back brings what they had kept", async () => {
  await account.commit(newCode(2));
  const second = await act((who) => who.deploy());
  await account.commit({ "requirements.lock": lockOf("1.12.10") });
  expect(rolled(await act((who) => who.deploy()))).toEqual(["code", "daemon", "webserver"]);
  const back = await act((who) => who.rollback(second.release.id));
  expect(rolled(back)).toEqual(["code", "daemon", "webserver"]);
  expect(back.release.kept).toEqual(second.release.kept);
  await account.commit({ "requirements.lock": lockOf("1.12.9"), ...newCode(4) });
  expect(rolled(await act((who) => who.deploy()))).toEqual(["code"]);
});

test("they move when the registry has lost the image that they had kept: no further task of it could start", async () => {
  account.registry.forget("small/code", first.release.images["code"]?.digest ?? "");
  await account.commit(newCode(2));
  const result = await act((who) => who.deploy());
  expect(rolled(result)).toEqual(["code", "daemon", "webserver"]);
  expect(result.release.kept).toEqual({});
});

test("going back to a release is refused when the image that its hosts had kept is gone", async () => {
  await account.commit(newCode(2));
  const second = await act((who) => who.deploy());
  await account.commit({ "dagster.yaml": "telemetry: { enabled: true }\n" });
  await act((who) => who.deploy());
  account.registry.forget("small/code", second.release.kept["daemon"]?.digest ?? "");
  runs += 1;
  await expect(account.clock.run(deployer(account, { run: runs }).rollback(second.release.id))).rejects.toThrow(
    /The registry does not have image service\/daemon of that release any more/,
  );
});

test("a host to which somebody has deployed by hand gets the image that it keeps again, as the other hosts keep theirs", async () => {
  await readPastClient(account.aws, "RegisterTaskDefinition", {
    family: "small-daemon",
    networkMode: "awsvpc",
    requiresCompatibilities: ["FARGATE"],
    cpu: "256",
    memory: "512",
    executionRoleArn: `arn:aws:iam::${account.aws.account}:role/execution`,
    containerDefinitions: [{ name: "daemon", image: "x:y" }],
  });
  await readPastClient(account.aws, "UpdateService", {
    cluster: "small",
    service: "small-daemon",
    taskDefinition: "small-daemon",
  });
  await account.clock.pass(60_000);
  await account.commit(newCode(2));
  const result = await act((who) => who.deploy());
  expect(rolled(result)).toEqual(["code", "daemon"]);
  expect(Object.keys(result.release.kept)).toEqual(["daemon", "webserver"]);
  expect(result.release.taskDefinitions["service/daemon"]).toEqual(first.release.taskDefinitions["service/daemon"]);
});
