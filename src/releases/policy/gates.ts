import { type Home, parameterArn, secretArn, showArn } from "../../aws/arn.ts";
import type { Gates, Secret } from "../../stack/stack.ts";
import type { Statement } from "./policy.ts";

/** Commands behind which gates of the state are. */
const rolling = ["deploy-service", "deploy", "rollback", "restart"];
/** Commands that may ask Dagster for more than its version. */
const asking = ["run-migrations", "register-task-def", "why", ...rolling, "sync-dags"];

/** What the gates of a stack ask AWS for, where the job asks. */
export function statementsOfGates(home: Home, gates: Gates, commands: readonly string[]): readonly Statement[] {
  const isFor = (those: readonly string[]): boolean => those.some((command) => commands.includes(command));
  const s3 = (bucket: string): string => showArn({ ...home, service: "s3", region: "", account: "", resource: bucket });
  const logs = gates.canary?.computeLogs ?? null;
  const login = gates.auth === null || gates.reach === "task" ? [] : secretsOf(gates.auth);
  return [
    ...(gates.securityGroups !== null && isFor(rolling)
      ? [
          allow(
            "SecurityGroups",
            [
              "ec2:DescribeSecurityGroups",
              "ec2:DescribeSubnets",
              "elasticloadbalancing:DescribeTargetGroups",
              "elasticloadbalancing:DescribeLoadBalancers",
            ],
            ["*"],
          ),
        ]
      : []),
    ...(logs !== null && isFor(rolling) ? [allow("ComputeLogs", ["s3:ListBucket"], [s3(logs.bucket)])] : []),
    ...(login.length > 0 && isFor(asking) ? statementsOfLogin(home, login) : []),
  ];
}

function secretsOf(auth: NonNullable<Gates["auth"]>): readonly Secret[] {
  return auth.kind === "basic" ? [{ kind: "secret", name: auth.secret, key: null }] : Object.values(auth.headers);
}

/** Secrets are read through SSM, which AWS checks under a name of its own, and as secrets; their ARNs end in six letters more. */
function statementsOfLogin(home: Home, secrets: readonly Secret[]): readonly Statement[] {
  const parameters = secrets.map(({ kind, name }) =>
    parameterArn(home, kind === "parameter" ? name : `aws/reference/secretsmanager/${name}`),
  );
  const own = secrets.flatMap(({ kind, name }) => (kind === "secret" ? [`${secretArn(home, name)}-??????`] : []));
  return [
    allow("LoginParameters", ["ssm:GetParameter"], [...new Set(parameters)]),
    ...(own.length === 0 ? [] : [allow("LoginSecrets", ["secretsmanager:GetSecretValue"], [...new Set(own)])]),
  ];
}

function allow(Sid: string, Action: readonly string[], Resource: readonly string[]): Statement {
  return { Sid, Effect: "Allow", Action, Resource };
}
