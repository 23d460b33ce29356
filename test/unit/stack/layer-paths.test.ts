import { pathInCheckout, pathInImage } from "../../../src/stack/findings.ts";
import type { Layers } from "../../../src/stack/stack.ts";

const place = { file: "dagster-stack.yml", line: 1, column: 1 };
const layers: Layers = {
  places: { base: place, requirements: place, prepare: place },
  base: { kind: "image", reference: "base" },
  requirements: null,
  groups: [],
  python: null,
  prepare: [],
  made: {},
  files: [
    { from: "src", to: "/app", place },
    { from: "db/alembic.ini", to: "/app/alembic.ini", place },
    { from: "db/notes.txt", to: "/app/docs/", place },
  ],
  workdir: null,
  environment: {},
  user: null,
};

test.each([
  ["src/main.py", "/app/main.py"],
  ["db/alembic.ini", "/app/alembic.ini"],
  ["db/notes.txt", "/app/docs/notes.txt"],
])("%s of the checkout is %s in the image, and the other way round", (path, inImage) => {
  expect(pathInImage(layers, path)).toBe(inImage);
  expect(pathInCheckout(layers, inImage)).toBe(path);
});

test("what no mapping brings comes from elsewhere", () => {
  expect(pathInCheckout(layers, "/opt/main.py")).toBeNull();
});
