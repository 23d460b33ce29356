import { compareLists, dagsListName, dagsListSchema, listOf, listVersion } from "../../../src/domain/dags-list.ts";
import { emptyRelease, type Release } from "../../../src/domain/release.ts";
import { nextList } from "../../../src/releases/steps/list.ts";

const shop = { prefix: "dags/shop/", module: "shop", pollSeconds: 60 };
const more = { prefix: "dags/more/", module: "more.defs", pollSeconds: 5 };
const source = { repository: "owner/shop", sha: "b".repeat(40) } as Release["source"];
const by = { source, run: null, at: "2026-11-21T10:00:00.000Z" as never };

test("a list is named by stack and environment", () => {
  expect(dagsListName({ name: "shop", environment: "production" })).toBe("shop/production.json");
  // Names may have dashes.
  const [one, other] = [
    { name: "shop-eu", environment: "production" },
    { name: "shop", environment: "eu-production" },
  ];
  expect(dagsListName(one)).not.toBe(dagsListName(other));
});

test("the version of a list changes with what it says, not with the order", () => {
  expect(listVersion({ shop, more })).toBe(listVersion({ more, shop }));
  expect(listVersion({ shop })).not.toBe(listVersion({ shop: { ...shop, pollSeconds: 30 } }));
});

test.each([
  ["the first one", null, { shop }, { added: ["shop"], changed: [], removed: [] }],
  ["one that adds", { shop }, { shop, more }, { added: ["more"], changed: [], removed: [] }],
  ["one that removes", { shop, more }, { more }, { added: [], changed: [], removed: ["shop"] }],
  ["another module", { shop }, { shop: { ...shop, module: "m" } }, { added: [], changed: ["shop"], removed: [] }],
  ["the same", { shop }, { shop: { ...shop } }, { added: [], changed: [], removed: [] }],
])("a list says what it changes: %s", (_, from, to, wanted) => {
  expect(compareLists(from, to)).toEqual(wanted);
});

test("what leaves is kept until it comes again", () => {
  const first = nextList(null, { locations: { shop, more }, ...by });
  const second = nextList(first, { locations: { shop }, ...by });
  expect(second).toMatchObject({ left: { more }, previous: first.version });
  const third = nextList(second, { locations: { more }, ...by });
  expect(third.left).toEqual({ shop });
  expect(dagsListSchema.parse(third)).toEqual(third);
});

test("a record of before there were lists pins none", () => {
  const head = { id: "r", stack: "shop", environment: "production", base: null, source } as unknown as Release;
  const part = {
    prefix: "dags/shop/",
    version: "a".repeat(40),
    source,
    releasedBy: "stack",
  } as Release["dags"][string];
  const former = { ...emptyRelease(head), dags: { shop: part } };
  expect(listOf(former)).toBeNull();
  expect(listOf({ dags: { shop: { ...part, listed: { module: "shop", pollSeconds: 60 } } } })).toEqual({ shop });
});
