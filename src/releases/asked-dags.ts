import { posix } from "node:path";
import * as z from "zod";
import { nameOfSecret, wholeSecretSchema } from "../domain/contract.ts";
import { dagsPrefixSchema, dagsVersionSchema } from "../domain/dags.ts";
import { UserError } from "../domain/errors.ts";
import { choice, flag, lines, minutes, optional, required } from "../domain/given.ts";
import { locationSchema } from "../domain/identifiers.ts";

// What publishing the code of a location is asked for, by inputs of sync-dags or by options of the command line, which bear the same names.

/** As the stack file has it; or left out. */
const isLike =
  (schema: z.ZodType<string>) =>
  (text: string | null): boolean =>
    text === null || schema.safeParse(text).success;

const checks = [
  "secret-in-dags",
  "dags-broken",
  "dags-shrunk",
  "dags-lock",
  "dags-invalid",
  "mirror-not-ours",
  "mirror-same-size",
];

const prefix = optional.refine(isLike(dagsPrefixSchema), "is a prefix that ends in a slash: dags/main/");

/** What is published, and where it lies: what a stack file says of a location, too. */
export const whichDags = {
  location: required.refine(
    isLike(locationSchema),
    "is Dagster's name for it: printable ASCII that begins with a letter or digit",
  ),
  bucket: required,
  prefix,
  directory: required.transform((path) => posix.normalize(path)),
  layout: choice(["versions", "mirror", "both"]),
  "mirror-prefix": prefix,
  module: optional.refine((name) => name === null || /^[A-Za-z_][\w.]*$/.test(name), "is the name of a Python module"),
};

/** How it is published. */
export const publishing = {
  "keep-versions": optional.refine(
    (text) => text === null || /^[1-9]\d{0,3}$/.test(text),
    "is a whole number, 1 to 9999",
  ),
  "keep-days": required.refine((text) => /^[1-9]\d{0,3}$/.test(text), "is a whole number of days, 1 to 9999"),
  validate: choice(["off", "auto", "on"]),
  lock: optional,
  to: optional.transform((text, context) => {
    if (text === null || text === "previous") return text;
    const version = dagsVersionSchema.safeParse(text);
    if (version.success) return version.data;
    context.addIssue("is `previous`, or a version: 40 hex digits");
    return z.NEVER;
  }),
  allow: lines.refine((ids) => ids.every((id) => checks.includes(id)), `has one of ${checks.join(", ")} a line`),
  "webserver-url": optional.refine((text) => text === null || /^https?:\/\/[^/]/.test(text), "is an http or https URL"),
  auth: optional.refine(isLike(wholeSecretSchema), "is a secret: secret:name"),
  timeout: minutes.refine((seconds) => seconds > 0, "is a whole number of minutes, 1 to 9999"),
  "allow-divergent": flag,
  "allow-dirty": flag,
};

/** One location, and how it is published. */
export type Publishing = z.output<z.ZodObject<typeof whichDags & typeof publishing>>;

/**
 * @param place how errors name what was given
 * @throws UserError for what says what another one cannot have
 */
export function checkPublishing(given: Publishing, place: (name: string) => string): void {
  const { layout, module } = given;
  const stop = (what: string, name: string, fix: string): never => {
    throw new UserError({ what, where: place(name), fix });
  };
  if (layout === "mirror") {
    if (given.to !== null)
      stop(
        "Plain files alone keep no version to go back to.",
        "to",
        "Check the commit out and publish it with `allow-divergent: true`; or `layout: both`.",
      );
    if (given["webserver-url"] !== null)
      stop(
        "Nobody says which plain files are loaded: a webserver knows versions.",
        "webserver-url",
        "Leave it out, or `layout: both` with the reader.",
      );
    if (given["keep-versions"] !== null)
      stop("Plain files alone have no versions.", "keep-versions", "Leave it out, or `layout: both`.");
  }
  if (layout === "versions" && given["mirror-prefix"] !== null)
    stop(
      "`mirror-prefix` is where plain files lie, and none are kept.",
      "mirror-prefix",
      "Set `layout: both`, or remove it.",
    );
  if (given.validate === "on" && module === null)
    stop(
      "`validate: on` needs to know what is loaded.",
      "validate",
      "Name the Python module of the location as `module`.",
    );
  if (given.auth !== null && given["webserver-url"] === null)
    stop(
      "`auth` is the login of a webserver, and none is asked.",
      "auth",
      "Give its address as `webserver-url`, or remove `auth`.",
    );
}

/** Who is asked what is loaded; null: nobody is. */
export function webserverOf({
  "webserver-url": url,
  auth,
}: Pick<Publishing, "webserver-url" | "auth">): { readonly url: string; readonly secret: string | null } | null {
  return url === null ? null : { url, secret: auth === null ? null : nameOfSecret(auth) };
}
