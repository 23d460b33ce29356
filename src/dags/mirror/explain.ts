import { type Markdown, markdown } from "../../markdown/markdown.ts";
import type { MirrorPlan } from "./plan.ts";

/** What a plan does to plain files. */
export function explainMirror({ uploads, removes, isServed }: MirrorPlan): Markdown {
  if (isServed) return markdown`Its plain files are there already.`;
  return markdown`Plain files: ${uploads.flat().length} to write, ${removes.length} to remove.`;
}
