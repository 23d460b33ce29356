import { Refusal, type Operations } from "../ecs/bed.ts";

const ecsTasksMayAssume = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "ecs-tasks.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

/** Whether a role exists, and who may take it on. While no role was set, each one exists. */
export const iamOperations = {
  GetRole: (bed, { RoleName: name }: { readonly RoleName: string }) => {
    const { roles } = bed.neighbours;
    const role = roles.get(name);
    if (role === undefined && roles.size > 0) {
      throw new Refusal("NoSuchEntity", `The role with name ${name} cannot be found.`, 404);
    }
    return {
      Role: {
        Path: "/",
        RoleName: name,
        RoleId: `AROA${name
          .toUpperCase()
          .replaceAll(/[^A-Z0-9]/g, "")
          .padEnd(17, "0")
          .slice(0, 17)}`,
        Arn: role?.arn ?? `arn:aws:iam::${bed.account}:role/${name}`,
        CreateDate: new Date(bed.time.now()),
        // IAM answers the document encoded as in a URL.
        AssumeRolePolicyDocument: encodeURIComponent(role?.trustPolicy ?? ecsTasksMayAssume),
      },
    };
  },
} satisfies Operations;
