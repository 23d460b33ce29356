#!/usr/bin/env node
if (process.argv[2] === "--version") {
  const { readFileSync } = await import("node:fs");
  console.log(JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version);
  process.exit(0);
}
if (Number(process.versions.node.split(".")[0]) < 24) {
  console.error(`dagster-ecs needs Node 24 or newer, and this is ${process.version}.`);
  process.exit(1);
}
const { commandLine } = await import("../index.js");
await commandLine(process.argv.slice(2));
