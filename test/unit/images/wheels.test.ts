import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../../src/domain/errors.ts";
import type { Requirement } from "../../../src/images/lock.ts";
import { installWheels } from "../../../src/images/wheels.ts";
import { errorOf } from "../../error-of.ts";
import { testContext } from "../context.ts";

const hash = `--hash=sha256:${"0".repeat(64)}`;
const url = (file: string): string => `shop @ file:///nowhere/${file} ${hash}`;

async function refusal(requirement: Partial<Requirement>): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), "wheels-"));
  try {
    const one: Requirement = {
      name: "shop",
      version: null,
      marker: null,
      text: "",
      local: null,
      line: 3,
      ...requirement,
    };
    return await errorOf(
      installWheels(testContext().context, {
        image: "shop",
        lock: { requirements: [one], sources: [], exporter: null },
        file: "requirements.txt",
        root: folder,
        target: { platform: "linux/amd64", python: "3.12.1" },
        libc: null,
        folder,
        builds: false,
      }),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

test.each<[string, Partial<Requirement>]>([
  ["a package of the checkout", { local: "./libs/shop" }],
  ["the source at a URL", { text: url("shop-1.0.tar.gz") }],
])("where nothing is to be built, %s is refused before pip is started", async (_, requirement) => {
  const error = await refusal(requirement);
  expect(error).toBeInstanceOf(UserError);
  expect(String(error)).toContain("shop is no wheel, and is not built here.");
  expect(String(error)).toContain("requirements.txt:3");
});

test("a wheel at a URL is not refused for that", async () => {
  expect(String(await refusal({ text: url("shop-1.0-py3-none-any.whl") }))).not.toContain("is no wheel");
}, 60_000);
