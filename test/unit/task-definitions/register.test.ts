import type { EcsSend } from "../../../src/aws/ecs.ts";
import { registerDefinition } from "../../../src/task-definitions/register.ts";
import { failed } from "../aws/failed.ts";

test("a role that ECS does not take is named, and what it must be like", async () => {
  const send = (async (command: { readonly constructor: { readonly name: string } }) => {
    if (command.constructor.name.startsWith("Describe"))
      throw failed("invalid", "ClientException", "Unable to describe task definition.");
    throw failed("invalid", "ClientException", "Role is not valid");
  }) as unknown as EcsSend;
  const role = "arn:aws:iam::123456789012:role/execution";
  const content = { family: "web", executionRoleArn: role, containerDefinitions: [] };
  await expect(registerDefinition(send, "web", content, {})).rejects.toMatchObject({
    what: `ECS does not take a role of task definition web: ${role}.`,
    fix: expect.stringContaining("ecs-tasks.amazonaws.com") as unknown,
  });
});
