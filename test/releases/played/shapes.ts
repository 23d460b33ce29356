import { type AccountOptions, stackFile } from "./account.ts";
import { newCode, newHost } from "./situations.ts";
import { hostsStack, inProcessStack, replacingStack } from "./stacks.ts";
import { lockOf, migratingDagster, oneImage, pinned, upgradable } from "./upgrade.ts";

/** A stack as somebody has it: which processes there are, what each loads, what its images are made of, where runs live. */
export interface Shape {
  readonly name: string;
  /** The account that it is in, as infrastructure leaves it. Its first commit is checked out. */
  readonly account: AccountOptions;
  /** Components that can be released by themselves. */
  readonly part: readonly string[];
  readonly commits: Commits;
}

/** What a later commit changes, by path. */
export interface Commits {
  readonly code: Readonly<Record<string, string>>;
  /** Settings of Dagster, in the image of the hosts. */
  readonly host: Readonly<Record<string, string>>;
  /** Another minor version of Dagster, in every image. */
  readonly upgrade: Readonly<Record<string, string>>;
  /** Nothing that goes into an image. */
  readonly none: Readonly<Record<string, string>>;
}

const commits: Commits = {
  code: newCode,
  host: newHost,
  upgrade: { "requirements.lock": lockOf("1.13.0") },
  none: { "README.md": "# Small\n" },
};
const offered = (key: string): string =>
  `    ${key}: { service: small-${key}, address: ${key}.small.local, port: 4000 }`;

const lock = { "requirements.lock": lockOf("1.12.9") };

/** One image, Dagster's own migration, the webserver on a port of its choice. */
const oneImageForAll: AccountOptions = {
  ...oneImage,
  stack: migratingDagster(oneImage.stack, "code").replace("port: 3000", "port: 3001"),
};

/** No code server, two webservers, runs as tasks of their own; its own migrations and Dagster's. */
const loadingHosts: AccountOptions = {
  stack: upgradable(hostsStack, "code").replace("{ kind: webserver, ", "{ kind: webserver, count: 2, "),
  files: lock,
  loads: "small-webserver",
  counts: { webserver: 2 },
};

/** Three locations, each with a code server; two of them are served from one image, the third has one of its own. */
const severalLocations: AccountOptions = {
  stack: upgradable(stackFile, "host")
    .replace(/^ {4}code: \{ service: .*$/m, ["sales", "stock", "reports"].map(offered).join("\n"))
    .replace(
      /^ {2}code: \{ kind: code-location.*$/m,
      `  sales: { kind: code-location, image: code, location: sales, module: app.sales }
  stock: { kind: code-location, image: code, location: stock, module: app.stock }
  reports: { kind: code-location, image: reports, location: reports, module: reports.main }`,
    )
    .replace(
      "services:\n  sales:",
      `  reports:
    repository: small/reports
    platform: linux/amd64
    layers:
      base: small/base:python
      requirements: requirements.lock
      files: [{ from: reports, to: /app/reports }]
services:
  sales:`,
    )
    .replace("location: small, job: canary", "location: sales, job: canary"),
  files: { ...lock, "reports/main.py": "VERSION = 1\n" },
  locations: ["sales", "stock", "reports"],
  repositories: ["small/reports"],
};

/**
 * The shapes that stacks have which are to be released, as far as this version carries them out.
 *
 * Where code is said to be broken, {@link PlayedAccount.breakCode} is told the commit: any of {@link Commits} may be.
 */
export const shapes: readonly Shape[] = [
  { name: "a code server, hosts on an image of their own", account: pinned, part: ["small"], commits },
  { name: "one image for all, hosts that move with Dagster", account: oneImageForAll, part: ["code"], commits },
  {
    name: "several locations, each with its code server",
    account: severalLocations,
    part: ["reports"],
    commits: { ...commits, code: { ...newCode, "reports/main.py": "VERSION = 2\n" } },
  },
  { name: "hosts that load the code, runs in tasks of their own", account: loadingHosts, part: ["small"], commits },
  {
    name: "hosts that load the code, runs inside them",
    account: { stack: upgradable(inProcessStack, "code"), files: lock, loads: "small-webserver" },
    part: ["small"],
    commits,
  },
  {
    name: "a daemon that takes over from another service",
    account: { stack: upgradable(replacingStack, "host"), files: lock, former: true },
    part: ["small"],
    commits,
  },
];
