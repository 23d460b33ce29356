/** `node test/local-aws/against-ministack/main.ts`: the same requests to our ECS and to ministack's, which runs real containers; needs root and Docker. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../../src/domain/errors.ts";
import { whyNoEngine } from "../../engine.ts";
import { type Bed, openMinistack, openOurs } from "./bed.ts";
import { reasons } from "./reasons.ts";
import { type Facts, situations } from "./situations.ts";

const why = whyNoEngine();
if (why !== null) throw new Error(`no engine here: ${why}`);

const ours = await factsOn(await openOurs());
const theirs = await factsOn(await openMinistack());
const rows = Object.keys(situations).flatMap((situation) => {
  const [own, other] = [ours[situation] ?? {}, theirs[situation] ?? {}];
  return [...new Set([...Object.keys(own), ...Object.keys(other)])].map((fact) => {
    const id = `${situation}: ${fact}`;
    return { situation, fact, id, own: own[fact] ?? "-", other: other[fact] ?? "-", reason: reasons[id] };
  });
});
const different = rows.filter(({ own, other }) => own !== other);
const same = rows.filter(({ own, other }) => own === other);
const table = (head: readonly string[], cells: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...cells]
    .map((row) => `| ${row.map((one) => one.replaceAll("|", "\\|")).join(" | ")} |\n`)
    .join("");
const text = `# Our ECS and ministack's

\`node test/local-aws/against-ministack/main.ts\` writes this page: the same requests to both, ours with scripted containers on a fake clock, ministack 1.5.33 with
real ones in an engine of their own. ${same.length} facts are the same, ${different.length} differ. Neither was held against AWS itself: *why* says what AWS's documentation has.

## Where they differ

${table(
  ["when", "what", "ours", "ministack", "why"],
  different.map(({ situation, fact, own, other, reason }) => [situation, fact, own, other, reason ?? "not explained"]),
)}
## Where they do not

${table(
  ["when", "what", "both"],
  same.map(({ situation, fact, own }) => [situation, fact, own]),
)}`;
await writeFile(join(import.meta.dirname, "README.md"), text);
console.log(text);
const unexplained = different.filter(({ reason }) => reason === undefined).map(({ id }) => id);
const idle = Object.keys(reasons).filter((id) => !different.some((row) => row.id === id));
if (unexplained.length > 0) console.error(`not explained:\n${unexplained.join("\n")}`);
if (idle.length > 0) console.error(`explained, and no difference:\n${idle.join("\n")}`);
process.exit(unexplained.length + idle.length === 0 ? 0 : 1);

async function factsOn(bed: Bed): Promise<Readonly<Record<string, Facts>>> {
  const facts: Record<string, Facts> = {};
  try {
    for (const [name, situation] of Object.entries(situations)) {
      console.error(`${bed.name}: ${name}`);
      facts[name] = await situation(bed).catch(
        (error: unknown): Facts => ({ "it goes on to its end": messageOf(error).split("\n")[0] ?? "" }),
      );
    }
  } finally {
    await bed.close();
  }
  return facts;
}
