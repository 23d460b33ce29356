import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inScratch, removeScratch } from "../../../src/images/scratch.ts";
import { errorOf } from "../../error-of.ts";

let scratch: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "scratch-"));
});
afterEach(() => rm(scratch, { recursive: true }));

test("a folder is gone however the work ends", async () => {
  await inScratch(scratch, (folder) => writeFile(join(folder, "config.json"), "{}"));
  await expect(inScratch(scratch, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await readdir(scratch)).toEqual([]);
});

test("a disk that is full is said, with what to do", async () => {
  // The device on which there is never room.
  const error = await errorOf(inScratch(scratch, () => writeFile("/dev/full", "x")));
  expect(error).toMatchObject({ name: "UserError", where: scratch });
  expect(await readdir(scratch)).toEqual([]);
});

test("what somebody has left who was killed is removed, and nothing else", async () => {
  await mkdir(join(scratch, "of-another-step"));
  await inScratch(scratch, async (folder) => {
    await mkdir(join(folder, "config"));
    await writeFile(join(folder, "config", "config.json"), "{}");
    await removeScratch(scratch);
    expect(await readdir(scratch)).toEqual(["of-another-step"]);
  });
  await removeScratch(join(scratch, "not-there"));
});
