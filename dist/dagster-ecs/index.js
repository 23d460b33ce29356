#!/usr/bin/env node
if (Number(process.versions.node.split(".")[0]) < 24) {
  console.error(`dagster-ecs needs Node 24 or newer, and this is ${process.version}.`);
  process.exit(1);
}
const { commandLine } = await import("../index.js");
await commandLine(process.argv.slice(2));
