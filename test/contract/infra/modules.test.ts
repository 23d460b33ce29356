import * as z from "zod";
import { copyInfrastructure } from "../../infra/tofu.ts";

// What AWS's provider would refuse by its schema is refused here; what AWS itself would refuse, is not.

const infrastructure = await copyInfrastructure();

afterAll(() => infrastructure.remove());

const validationSchema = z.object({
  valid: z.boolean(),
  diagnostics: z.array(z.object({ severity: z.string(), summary: z.string(), detail: z.string().optional() })),
});

test("OpenTofu is the one that is pinned", async () => {
  const { stdout } = await infrastructure.tofu("modules/cost", "version");
  expect(stdout).toMatch(/^OpenTofu v1\.12\.6\n/);
});

test("infra/ is formatted", async () => {
  expect(await infrastructure.tofu("", "fmt", "-check", "-recursive")).toMatchObject({ exitCode: 0, stdout: "" });
});

test("every module, stack and example is valid", async () => {
  for (const part of infrastructure.parts) {
    const { stdout } = await infrastructure.tofu(part, "validate", "-json");
    const { valid, diagnostics } = validationSchema.parse(JSON.parse(stdout));
    expect({ part, valid, errors: diagnostics.filter(({ severity }) => severity === "error") }).toEqual({
      part,
      valid: true,
      errors: [],
    });
  }
});

test("an argument that the provider does not have is refused", async () => {
  const undo = await infrastructure.replace("modules/service/main.tf", "platform_version ", "platform_versoin ");
  const { stdout } = await infrastructure.tofu("modules/service", "validate", "-json");
  await undo();
  expect(validationSchema.parse(JSON.parse(stdout)).valid).toBe(false);
});

test("a value that AWS's list does not have is refused", async () => {
  const undo = await infrastructure.replace("modules/service/main.tf", '"FARGATE"\n', '"FARGAT"\n');
  const { stdout } = await infrastructure.tofu("modules/service", "validate", "-json");
  await undo();
  expect(validationSchema.parse(JSON.parse(stdout)).valid).toBe(false);
});

test("every module and stack has tests, and they pass", async () => {
  for (const part of infrastructure.parts.filter((name) => !name.startsWith("examples/"))) {
    expect({ part, tested: infrastructure.has(`${part}/tests`) }).toEqual({ part, tested: true });
    const { exitCode, stdout, stderr } = await infrastructure.tofu(part, "test", "-no-color");
    const [, passed = "0"] = /Success! (\d+) passed, 0 failed\./.exec(stdout) ?? [];
    expect({ part, exitCode, told: exitCode === 0 ? "" : stdout + stderr }).toEqual({ part, exitCode: 0, told: "" });
    expect(Number(passed)).toBeGreaterThan(2);
  }
}, 900_000);

test("only the AWS provider is needed, and no module of others", async () => {
  for (const part of infrastructure.parts) {
    const main = await infrastructure.read(`${part}/main.tf`);
    expect([...main.matchAll(/^\s*source\s*=\s*"([^"]*)"/gm)].map(([, source]) => source)).not.toContainEqual(
      expect.not.stringMatching(/^\.\.\/\.\.\/(modules|stacks)\//),
    );
    expect(main).not.toMatch(/^(resource|data|ephemeral) "(?!aws_)/m);
  }
});
