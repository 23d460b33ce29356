import { renderedTexts, solvePlaceholders } from "../../../src/adopt/placeholders.ts";

const known = { account: "123456789012" };

test.each([
  ["$env-web", "prod-web", { env: "prod" }],
  ["/dag/${env}/X", "/dag/prod/X", { env: "prod" }],
  ["$account-$env", "123456789012-prod", { env: "prod" }],
  ["$env/$env", "prod/prod", { env: "prod" }],
  ["$env/$env", "prod/test", {}],
  ["$app$env", "shopprod", {}],
  ["$env.x", "prodyx", {}],
  ["plain", "plain", {}],
])("%s that runs as %s tells %j", (written, running, expected) => {
  expect(solvePlaceholders([{ written, running }], known)).toEqual(expected);
});

test("Texts that do not agree tell nothing", () => {
  const pairs = ["prod", "test"].map((env) => ({ written: "$env-web", running: `${env}-web` }));
  expect(solvePlaceholders(pairs, {})).toEqual({});
});

test("Members of lists meet by their names, whatever their order", () => {
  const written = {
    family: "$app",
    containers: [
      { name: "b", image: "$b" },
      { name: "c", image: "$c" },
    ],
  };
  const running = {
    family: "shop",
    containers: [
      { name: "c", image: "3" },
      { name: "b", image: "2" },
    ],
    more: 1,
  };
  expect(solvePlaceholders(renderedTexts(written, running), {})).toEqual({ app: "shop", b: "2", c: "3" });
});
