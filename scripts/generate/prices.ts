import type { Generated, Read } from "../generate.ts";

/** The table of infra's module `cost`, without its notes: what a plan counts with, so that both say the same. */
export function priceTable(read: Read): Generated {
  const {
    note: _note,
    sources: _sources,
    ...table
  } = JSON.parse(read("infra/modules/cost/prices.json")) as Readonly<Record<string, unknown>>;
  const lines = [
    "// Made by `npm run generate` of infra/modules/cost/prices.json, which names the sources.",
    'import type { PriceTable } from "./prices.ts";',
    "",
    "/** List prices of AWS in USD, by the hour where nothing else is said. */",
    "// biome-ignore format: as it is made",
    `export const priceTable: PriceTable = ${JSON.stringify(table)};`,
    "",
  ];
  return { path: "src/releases/price/table.ts", text: lines.join("\n") };
}
