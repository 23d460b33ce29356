import { setTimeout as sleep } from "node:timers/promises";
import { buildImages, htpasswd, type Images } from "../test/e2e/docker/stack.ts";
import { median, type Row, row } from "./rows.ts";

/** What the containers of a stack need of memory, as their control group counts it, without what is only cache. */
export async function measure(): Promise<readonly Row[]> {
  const images = await buildImages();
  try {
    const rows: Row[] = [];
    const figure = (name: string, mebibytes: number): void => void rows.push(row(name, "MiB", mebibytes, null));
    const migration = await images.run("daemon", images.variables, "dagster", "instance", "migrate");
    await images.engine.docker("wait", migration);
    const code = await images.run("code", images.variables);
    await images.untilHealthy(code);
    const variables = [...images.variables, `--env=DAGSTER_CODE_HOST=${await images.address(code)}`];
    const webserver = await images.run("webserver", variables);
    const daemon = await images.run("daemon", variables);
    const nginx = await images.run("nginx", [`--network=container:${webserver}`, `--env=HTPASSWD=${htpasswd}`]);
    const loading = await images.run("code", variables, "dagster-daemon", "run", "-m", "app.main");
    for (const container of [webserver, daemon]) await images.untilHealthy(container);
    const idle = await settled(images, { code, webserver, daemon, nginx, loading });
    figure("code location", idle.code);
    figure("webserver", idle.webserver);
    figure("daemon", idle.daemon);
    figure("nginx", idle.nginx);
    figure("daemon that loads one location itself", idle.loading);
    const address = `http://${await images.address(webserver)}:8080`;
    await Promise.all(Array.from({ length: 200 }, (_, number) => visit(address, number)));
    const busy = await settled(images, { webserver, nginx });
    figure("webserver, after 200 visits", busy.webserver);
    figure("nginx, after 200 visits", busy.nginx);
    const job = ["dagster", "job", "execute", "-m", "app.main", "-j", "canary"];
    const peaks: number[] = [];
    for (let run = 0; run < 3; run += 1) peaks.push(await peakOf(images, await images.run("code", variables, ...job)));
    figure("run, at most", median(peaks));
    return rows;
  } finally {
    await images.close();
  }
}

/** Median of five looks, once each has had time to load what it loads by and by. */
async function settled<Name extends string>(
  images: Images,
  containers: Readonly<Record<Name, string>>,
): Promise<Readonly<Record<Name, number>>> {
  await sleep(20_000);
  const looks: number[][] = [];
  const ids = Object.values<string>(containers);
  for (let look = 0; look < 5; look += 1) looks.push(await usage(images, ids));
  return Object.fromEntries(
    Object.keys(containers).map((name, at) => [name, median(looks.map((one) => one[at] ?? 0))]),
  ) as Record<Name, number>;
}

async function peakOf(images: Images, container: string): Promise<number> {
  let peak = 0;
  for (;;) {
    const [mebibytes = 0] = await usage(images, [container]);
    if (mebibytes === 0) return peak;
    peak = Math.max(peak, mebibytes);
  }
}

/** MiB now, in the order of the containers; 0 of one that has ended. */
async function usage(images: Images, containers: readonly string[]): Promise<number[]> {
  const text = await images.engine.docker("stats", "--no-stream", "--format={{.MemUsage}}", ...containers);
  return text.split("\n").map((line) => {
    const [, amount = "0", unit = "B"] = /^([\d.]+)(\w+)/.exec(line) ?? [];
    return Number(amount) * ({ B: 0, KiB: 1 / 1024, MiB: 1, GiB: 1024 }[unit] ?? 0);
  });
}

/** The queries that a page makes first, with the password. */
async function visit(address: string, number: number): Promise<void> {
  const query =
    "{ workspaceOrError { ... on Workspace { locationEntries { name } } } runsOrError { ... on Runs { results { id } } } }";
  await sleep(number * 20);
  await fetch(`${address}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Basic ${btoa("reader:secret")}` },
    body: JSON.stringify({ query }),
  });
}
