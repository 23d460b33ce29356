import type { HttpAnswer } from "../wire/route.ts";

/** Who a caller is to AWS: a session of the role that its access key names. */
export function assumedRoleArn(account: string, role: string): string {
  return `arn:aws:sts::${account}:assumed-role/${role}/local-aws`;
}

/** What STS answers to GetCallerIdentity. */
export function callerIdentity(account: string, role: string): HttpAnswer {
  const result = [
    `<Arn>${assumedRoleArn(account, role)}</Arn>`,
    "<UserId>AROALOCALAWS:local-aws</UserId>",
    `<Account>${account}</Account>`,
  ];
  const body = [
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">',
    `<GetCallerIdentityResult>${result.join("")}</GetCallerIdentityResult>`,
    "<ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata>",
    "</GetCallerIdentityResponse>",
  ];
  return { status: 200, headers: { "content-type": "text/xml" }, body: body.join("") };
}
