import * as z from "zod";
import { shaSchema } from "./identifiers.ts";

/** Where a component's code comes from: `owner/name` (or a path-like name for a repository without a host) and a full SHA. */
export const sourceSchema = z.strictObject({
  repository: z.string().regex(/^[\w.-]+(\/[\w.-]+)*$/, "owner/name"),
  sha: shaSchema,
});
export type Source = z.infer<typeof sourceSchema>;
