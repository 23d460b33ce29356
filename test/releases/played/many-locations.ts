import { openAccount, type PlayedAccount, stackFile } from "./account.ts";

/** The played stack with so many code locations, all served from one image. */
export async function openManyLocations(count: number): Promise<PlayedAccount> {
  const locations = Array.from({ length: count }, (_, number) => `l${number + 1}`);
  const each = (line: (location: string) => string): string => locations.map(line).join("\n");
  const stack = stackFile
    .replace(
      "    code: { service: small-code, address: code.small.local, port: 4000 }",
      each((key) => `    ${key}: { service: small-${key}, address: ${key}.small.local, port: 4000 }`),
    )
    .replace(
      "  code: { kind: code-location, image: code, location: small, module: app.main }",
      each((key) => `  ${key}: { kind: code-location, image: code, location: ${key}, module: app.main }`),
    )
    .replace("canary: { location: small, job: canary }", "canary: { location: l1, job: canary }");
  return openAccount({ stack, locations });
}
