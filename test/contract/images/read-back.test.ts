import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { applyImage, observeImage, openImages, planImage } from "../../../src/images/index.ts";
import { findProgram } from "../../local-aws/backing/processes.ts";
import { checkout, context, folderFor, pushBase, removeFolders, request } from "./fixtures.ts";
import { onEachRegistry } from "./registries.ts";

afterAll(removeFolders);

const run = promisify(execFile);
const skopeo = findProgram("skopeo", process.env["PATH"] ?? "");
if (skopeo === null) process.stderr.write("not run: images read back by skopeo (apt-get install skopeo)\n");
const reads = skopeo === null ? test.skip : test;

onEachRegistry("an image of layers", (start) => {
  reads("is read back by skopeo, which checks every digest, on a base of either form", async () => {
    const registry = await start();
    try {
      const direct = await registry.letIn();
      for (const name of ["base", "app"]) await registry.createRepository(name);
      for (const form of ["oci", "docker"] as const) {
        await pushBase(direct, "base", form, { form });
        const root = await checkout({
          "app/main.py": `FORM = "${form}"\n`,
          "app/run.sh": { executable: "#!/bin/sh\n" },
        });
        const told = context();
        const scratch = await folderFor("scratch");
        const clients = await openImages(told, registry.ecr(told), { scratch, kept: scratch });
        const wanted = { ...request(root, { base: `base:${form}` }), isDirty: true }; // a tag for each content
        const observation = await observeImage(clients, told, wanted, null);
        const { part } = await applyImage(clients, told, observation, planImage(observation));

        const folder = join(await folderFor("read"), "image");
        const login = Buffer.from(direct.authorization.replace("Basic ", ""), "base64").toString();
        const from = `docker://${new URL(direct.url).host}/app@${part.digest}`;
        const options = ["--src-tls-verify=false", "--src-creds", login, "--preserve-digests"];
        await run("skopeo", ["--insecure-policy", "copy", ...options, from, `dir:${folder}`]);
        const manifest = await readFile(join(folder, "manifest.json"));
        expect(`sha256:${createHash("sha256").update(manifest).digest("hex")}`).toBe(part.digest);
        const { layers } = JSON.parse(manifest.toString()) as {
          readonly layers: readonly { readonly digest: string }[];
        };
        const code = join(folder, layers.at(-1)?.digest.replace("sha256:", "") ?? "");
        const { stdout } = await run("tar", ["-tzvf", code]);
        expect(stdout).toMatch(/^-rw-r--r-- .* app\/app\/main\.py$/m);
        expect(stdout).toMatch(/^-rwxr-xr-x .* app\/app\/run\.sh$/m);
      }
    } finally {
      await registry.close();
    }
  });
});
