import { micromark } from "micromark";
import { gfm, gfmHtml } from "micromark-extension-gfm";
import { untrusted } from "../../../../src/domain/evidence.ts";
import type { Finding } from "../../../../src/domain/finding.ts";
import type { Plan } from "../../../../src/domain/plan.ts";
import type { ComparedDefinitions } from "../../../../src/releases/dagster-definitions/compared.ts";
import type { OnLoss } from "../../../../src/releases/dagster-definitions/on-loss.ts";
import { planRelease } from "../../../../src/releases/plan.ts";
import { explainPreview } from "../../../../src/releases/preview/explain.ts";
import { priceOf } from "../../../../src/releases/price/price.ts";
import { priceTable } from "../../../../src/releases/price/table.ts";
import type { Stack } from "../../../../src/stack/index.ts";
import { expectGolden } from "../../../golden.ts";
import {
  begin,
  carriedOut,
  dealFlow,
  shaOf,
  untouchedWorld,
  type World,
  withContents,
  withImagesMade,
} from "../world.ts";

const stack = dealFlow();
const planFor = (world: World, sha = "b", of: Stack = stack): Plan =>
  planRelease(of, world.observation, begin(world, shaOf(sha)));
const first = untouchedWorld(stack);
const released = carriedOut(stack, first, planFor(first, "a"));

function preview(world: World, plan: Plan, change: Partial<Plan> = {}, of: Stack = stack): string {
  const prices = priceTable.regions["us-east-1"] ?? {};
  const price = priceOf(of, plan, world.observation, priceTable, prices);
  return explainPreview({ ...plan, ...change }, world.observation, price, "https://github.com").markdown;
}

const finding = (level: Finding["level"], change: Partial<Finding> = {}): Finding => ({
  id: "image-floats",
  level,
  where: { file: "dagster-stack.yml", line: 12, column: 5 },
  what: "The base is named by a tag that moves.",
  fix: "Name it by its digest.",
  ...change,
});
const hostile = "<img src=x onerror=alert(1)> @everyone </details> ```\n# Heading\n| a | [x](javascript:alert(1)) #1";

const plainDefinition = { repository: "__repository__", former: null, members: [], touches: null };

/** One of each. @param name of a schedule that is renamed, and is on */
function changedDefinitions(name: string, onLoss: OnLoss = "stopped"): ComparedDefinitions {
  const former = { repository: "__repository__", name };
  return {
    kind: "compared",
    count: 7,
    onLoss,
    changes: [
      {
        ...plainDefinition,
        kind: "schedule",
        change: "renamed",
        name: `${name}_load`,
        former,
        touches: { kind: "state", status: "RUNNING", byHand: true, hasCursor: false },
      },
      {
        ...plainDefinition,
        kind: "schedule",
        change: "changed",
        name: "weekly",
        members: [{ member: "cron", from: "0 3 * * 1", to: name }],
      },
      {
        ...plainDefinition,
        kind: "sensor",
        change: "removed",
        name: "mailbox",
        repository: "mail",
        touches: { kind: "state", status: "STOPPED", byHand: false, hasCursor: true },
      },
      {
        ...plainDefinition,
        kind: "asset",
        change: "removed",
        name: `${name}/deals`,
        touches: { kind: "materializations", lastAt: "2026-11-20T03:00:00.000Z" },
      },
      { ...plainDefinition, kind: "job", change: "added", name: "collect" },
    ],
  };
}

function withDefinitions(dagsterDefinitions: Readonly<Record<string, ComparedDefinitions>>): string {
  const changed = withContents(released, { code: "code 2" });
  return preview({ ...changed, observation: { ...changed.observation, dagsterDefinitions } }, planFor(changed));
}

const bigger = dealFlow((text) =>
  text.replace("size: { cpu: 512, memory: 2048 }", "size: { cpu: 1024, memory: 4096 }"),
);
const variable = dealFlow((text) => text.replace("environment:\n", 'environment:\n  GREETING: "hello"\n'));

test.each<[string, () => string]>([
  ["first-release", () => preview(first, planFor(first))],
  [
    "code-change",
    () => {
      const changed = withContents(released, { code: "code 2" });
      return preview(changed, planFor(changed));
    },
  ],
  ["no-changes", () => preview(released, planFor(released))],
  [
    "made-already",
    () => {
      const made = withImagesMade(withContents(released, { code: "code 2" }));
      return preview(made, planFor(made));
    },
  ],
  [
    "hosts-change",
    () => {
      const changed = withContents(released, { host: "host 2", code: "code 2" });
      return preview(changed, planFor(changed));
    },
  ],
  ["bigger-task", () => preview(released, planFor(released, "b", bigger), {}, bigger)],
  ["variables", () => preview(released, planFor(released, "b", variable), {}, variable)],
  [
    "findings",
    () => {
      const findings = [
        finding("notice", { id: "drift", where: "service daemon", what: "It was changed by hand.", fix: "Nothing." }),
        finding("warning"),
        finding("error", { id: "secret-in-environment", what: "A secret is in plain text.", fix: "Move it to SSM." }),
      ];
      return preview(released, planFor(released), { findings });
    },
  ],
  [
    "foreign-text",
    () => {
      const changed = withContents(released, { code: "code 2" });
      const plan = planFor(changed);
      const steps = plan.steps.map((step) => ({ ...step, reason: hostile }));
      const findings = [finding("warning", { what: hostile, where: hostile }), finding("notice", { fix: hostile })];
      return preview(changed, plan, { steps, findings, untouched: [{ what: hostile, why: hostile }] });
    },
  ],
  [
    "part-of-the-stack",
    () => {
      const changed = withContents(released, { code: "code 2", host: "host 2" });
      const begun = { ...begin(changed, shaOf("b")), only: ["code"] };
      return preview(changed, planRelease(stack, changed.observation, begun));
    },
  ],
  [
    "sql",
    () => {
      const changed = withContents(released, { code: "code 2" });
      const sql = { text: untrusted("ALTER TABLE deals ADD COLUMN score integer;\n-- ```</details>"), lines: 2 };
      const revisions = [{ revision: "0002", doc: untrusted("Score of a deal"), sql }];
      const observation = {
        ...changed.observation,
        sql: { application: { kind: "rendered" as const, heads: ["0001"], revisions } },
      };
      return preview({ ...changed, observation }, planFor(changed));
    },
  ],
  ["definitions", () => withDefinitions({ DealFlow: changedDefinitions("nightly"), other: { kind: "stays" } })],
  [
    "definitions-not-compared",
    () =>
      withDefinitions({
        DealFlow: {
          kind: "not-compared",
          why: "The new code does not load where it was tried.",
          quoted: untrusted("KeyError: 'OPENAI_API_KEY' (/app/app/main.py:12)"),
          fix: "Let definitions/describe.py write a file in the image.",
        },
        other: { kind: "compared", changes: [], count: 12, onLoss: "stopped" },
      }),
  ],
  [
    "under-way",
    () => {
      const changed = withContents(released, { code: "code 2" });
      const observation = { ...changed.observation, releasing: "owner/deal-flow/run/12/job/deploy" };
      return preview({ ...changed, observation }, planFor(changed));
    },
  ],
])("A preview is what its golden file says: %s", (name, made) => expectGolden(`previews/${name}.md`, made()));

test("Foreign text makes no element, mention, link or fold of its own", () => {
  const changed = withContents(released, { code: "code 2" });
  const plan = planFor(changed);
  const tags = (text: string): Readonly<Record<string, number>> => {
    const html = micromark(text, { extensions: [gfm()], htmlExtensions: [gfmHtml()], allowDangerousHtml: true });
    const names = [...html.matchAll(/<\/?([a-z0-9]+)/g)].map(([tag]) => tag).filter((tag) => tag !== "<br");
    return Object.fromEntries([...new Set(names)].map((tag) => [tag, names.filter((other) => other === tag).length]));
  };
  const change = (word: string): Partial<Plan> => ({
    steps: plan.steps.map((step) => ({ ...step, reason: word })),
    findings: [finding("warning", { what: word, where: word }), finding("notice", { fix: word })],
    untouched: [{ what: word, why: word }],
  });
  expect(tags(preview(changed, plan, change(hostile)))).toEqual(tags(preview(changed, plan, change("plain"))));
});

test("Names of definitions make no element, mention, link or fold of their own", () => {
  const html = (name: string): string =>
    micromark(withDefinitions({ [name]: changedDefinitions(name) }), {
      extensions: [gfm()],
      htmlExtensions: [gfmHtml()],
      allowDangerousHtml: true,
    });
  const tags = (text: string): readonly string[] => [...text.matchAll(/<\/?[a-z0-9]+/g)].map(([tag]) => tag);
  expect(tags(html(hostile))).toEqual(tags(html("nightly")));
});

test("What is longest stands last, since a comment may be cut", () => {
  const text = preview(first, planFor(first));
  const at = (words: string): number => {
    expect(text).toContain(words);
    return text.indexOf(words);
  };
  expect(at("make image")).toBeLessThan(at("In this order:"));
  expect(at("In this order:")).toBeLessThan(at("Services cost"));
  expect(at("Services cost")).toBeLessThan(at("service/code: new"));
});

test("State that would be lost stands above; the tables of definitions stand where what is long does", () => {
  const text = withDefinitions({ DealFlow: changedDefinitions("nightly") });
  const at = (words: string): number => {
    expect(text).toContain(words);
    return text.indexOf(words);
  };
  expect(at("**State of 2 schedules")).toBeLessThan(at("In this order:"));
  expect(at("Services cost")).toBeLessThan(at("Dagster definitions of DealFlow: "));
});

test.each<[OnLoss, RegExp]>([
  ["stopped", /A deploy is stopped by its gate/],
  ["allowed", /No deploy with .* is stopped/],
  ["told", /only warns of that: no deploy is stopped/],
  ["not-looked-at", /is off: no deploy is stopped/],
])("What becomes of a deploy that loses state is said as it is: %s", (onLoss, words) => {
  expect(withDefinitions({ DealFlow: changedDefinitions("nightly", onLoss) })).toMatch(words);
});

test("A member that is long is cut in the table", () => {
  const text = withDefinitions({ DealFlow: changedDefinitions("n".repeat(900)) });
  expect(text).toContain(`${"n".repeat(120)}…`);
  expect(/cron: .*/.exec(text)?.[0].length).toBeLessThan(400);
});
