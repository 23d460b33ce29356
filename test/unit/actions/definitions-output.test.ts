import { dagsterDefinitionsOutput } from "../../../src/actions/definitions-output.ts";
import type { CodeChangeWithState, ComparedDefinitions } from "../../../src/releases/dagster-definitions/compared.ts";

const added = (name: string): CodeChangeWithState => ({
  change: "added",
  kind: "asset",
  repository: "__repository__",
  name,
  former: null,
  members: [],
  touches: null,
});
const lost: CodeChangeWithState = {
  ...added("nightly"),
  change: "removed",
  kind: "schedule",
  touches: { kind: "state", status: "RUNNING", byHand: true, hasCursor: false },
};
const compared = (changes: readonly CodeChangeWithState[]): ComparedDefinitions => ({
  kind: "compared",
  changes,
  count: changes.length,
  onLoss: "stopped",
});

test("what finds room is there, and nothing is left out", () => {
  const dagsterDefinitions = { shop: compared([added("deals")]), mail: { kind: "stays" } as const };
  expect(JSON.parse(dagsterDefinitionsOutput({ dagsterDefinitions }))).toEqual({
    shop: { ...dagsterDefinitions.shop, more: 0 },
    mail: { kind: "stays" },
  });
});

test("what finds no room is counted, and what loses state is there", () => {
  const many = Array.from({ length: 5000 }, (_, index) => added(`deals_${index}_é`));
  const text = dagsterDefinitionsOutput({
    dagsterDefinitions: { shop: compared([...many, lost]), mail: compared([lost]) },
  });
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(65_536);
  expect(Buffer.byteLength(text)).toBeGreaterThan(60_000);
  const { shop, mail } = JSON.parse(text) as Record<string, { changes: unknown[]; more: number }>;
  expect(shop?.changes[0]).toEqual(lost);
  expect(shop?.more).toBe(5001 - (shop?.changes.length ?? 0));
  expect(mail).toMatchObject({ more: 1 });
});
