import { readFileSync } from "node:fs";

const page = readFileSync(new URL("../docs/quick-start.md", import.meta.url), "utf8");

/** A file that docs/quick-start.md tells to copy, which has its name on its first line. @throws Error when there is none */
export function fileOfQuickStart(name: string): string {
  const text = new RegExp(`(?<=\`\`\`\\w+\\n)# ${name}\\n[^]*?(?=\`\`\`)`).exec(page)?.[0];
  if (text === undefined) throw new Error(`the quick start has no ${name}`);
  return text;
}
