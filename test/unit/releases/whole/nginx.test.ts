import { errorOf } from "../../../error-of.ts";
import { openAccount, type PlayedAccount, stackFile } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";

let account: PlayedAccount;
afterEach(() => account.close());

/** The Secrets Manager in memory has no secret: the gates log in by a header. */
const withLogin = stackFile
  .replace(
    "webserver: { kind: webserver, image: host }",
    'webserver: { kind: webserver, image: host, auth: { basic: "secret:small/login" } }',
  )
  .replace("gates: {", 'gates: { auth: { headers: { X-Token: "ssm:/small/token" } },');
const withNginx = withLogin
  .replace("port: 3000, url", "port: 8080, url")
  .replace(
    "services:\n  code: { kind",
    "  nginx:\n    repository: small/nginx\n    platform: linux/amd64\n    layers: { base: small/base:python, files: [{ from: nginx, to: /opt/nginx }] }\nservices:\n  code: { kind",
  );
const files = { "nginx/nginx.conf": "daemon off;\n" };

interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly secrets?: readonly { readonly name: string; readonly valueFrom: string }[];
}

test("A release puts nginx of its own digest before the webserver, and nothing of it into any other service", async () => {
  account = await openAccount({ stack: withNginx, files, repositories: ["small/nginx"] });
  account.parameters.set("/small/token", "t");
  const { release, outcome } = await account.clock.run(deployer(account, { run: 1 }).deploy());
  await account.clock.pass(60_000);
  expect(outcome).toBe("committed");
  const registered = account.aws.calls.flatMap(({ operation, input }) =>
    operation === "RegisterTaskDefinition"
      ? [input as { readonly family: string; readonly containerDefinitions: readonly Container[] }]
      : [],
  );
  const nginx = registered.flatMap(({ family, containerDefinitions }) =>
    containerDefinitions.filter(({ name }) => name === "nginx").map((container) => ({ family, container })),
  );
  expect(nginx).toHaveLength(1);
  const [one] = nginx;
  expect(one?.family).toBe("small-webserver");
  expect(one?.container.image).toContain(`small/nginx@${release.images["nginx"]?.digest ?? "none"}`);
  expect(one?.container.secrets?.[0]?.valueFrom).toMatch(/:secret:small\/login:htpasswd::$/);
  const webserver = registered.find(({ containerDefinitions }) => containerDefinitions.length === 2)
    ?.containerDefinitions[0];
  expect(webserver?.command).toEqual(expect.arrayContaining(["127.0.0.1", "3000"]));
  expect(await wrongWith(account)).toEqual([]);
});

test("Without an image of nginx the release is stopped, and told what to write", async () => {
  account = await openAccount({ stack: withLogin });
  const error = await account.clock.run(errorOf(deployer(account, { run: 1 }).deploy()));
  expect(String(error)).toContain("there is nothing that asks for the password");
  expect(String(error)).toContain("docker/nginx");
});
