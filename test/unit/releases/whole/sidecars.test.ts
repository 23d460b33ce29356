import { openAccount, type PlayedAccount, stackFile } from "../../../releases/played/account.ts";
import { type Deployer, deployer } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import type { Result } from "../../../../src/releases/result.ts";
import { readPastClient } from "../../local-aws/stage.ts";

let account: PlayedAccount;
let runs = 0;
afterEach(() => account.close());

async function act(what: (who: Deployer) => Promise<Result>): Promise<Result> {
  runs += 1;
  const result = await account.clock.run(what(deployer(account, { run: runs })));
  await account.clock.pass(60_000);
  expect(await wrongWith(account)).toEqual([]);
  return result;
}

/** The daemon has a proxy of the stack's own beside it, and an agent from elsewhere. */
const withSidecars = stackFile
  .replace(
    "{ kind: daemon, image: host }",
    "{ kind: daemon, image: host, sidecars: { proxy: { image: proxy, settings: { memoryReservation: 64 } }, agent: { image: 'public.ecr.aws/datadog/agent:7.60.0' } } }",
  )
  .replace(
    "services:\n  code: { kind",
    "  proxy:\n    repository: small/proxy\n    platform: linux/amd64\n    layers: { base: small/base:python, files: [{ from: proxy, to: /opt/proxy }] }\nservices:\n  code: { kind",
  );

const imagesOf = async (family: string): Promise<Readonly<Record<string, string>>> => {
  const { taskDefinition } = (await readPastClient(account.aws, "DescribeTaskDefinition", {
    taskDefinition: family,
  })) as {
    readonly taskDefinition: {
      readonly containerDefinitions: readonly { readonly name: string; readonly image: string }[];
    };
  };
  return Object.fromEntries(taskDefinition.containerDefinitions.map(({ name, image }) => [name, image]));
};
const rolled = ({ services }: Result): readonly string[] => services.map(({ service }) => service);

test("a sidecar runs the digest that is released; a change of it moves its service and no other, also when only that is named", async () => {
  account = await openAccount({
    stack: withSidecars,
    files: { "proxy/proxy.conf": "1\n" },
    repositories: ["small/proxy"],
  });
  const first = await act((who) => who.deploy());
  expect(await imagesOf("small-daemon")).toMatchObject({
    proxy: expect.stringContaining(`small/proxy@${first.release.images["proxy"]?.digest ?? "none"}`) as string,
    agent: "public.ecr.aws/datadog/agent:7.60.0",
  });
  await account.commit({ "proxy/proxy.conf": "2\n" });
  const second = await act((who) => who.deploy());
  expect(rolled(second)).toEqual(["daemon"]);
  expect((await imagesOf("small-daemon"))["proxy"]).toContain(second.release.images["proxy"]?.digest ?? "none");
  expect(rolled(await act((who) => who.rollback(first.release.id)))).toEqual(["daemon"]);
});
