import { parseImageReference } from "../../local-aws/runtimes/tasks/image-reference.ts";

const host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
const digest = `sha256:${"0".repeat(64)}`;

test.each([
  [`${host}/deal-flow/code@${digest}`, { repository: "deal-flow/code", tag: null, digest }],
  [`${host}/deal-flow/code:v1`, { repository: "deal-flow/code", tag: "v1", digest: null }],
  [`${host}/deal-flow/code:v1@${digest}`, { repository: "deal-flow/code", tag: "v1", digest }],
  [`${host}/code`, { repository: "code", tag: "latest", digest: null }],
  ["127.0.0.1:5000/code:v1", { repository: "code", tag: "v1", digest: null }],
])("%s names a repository and what of it", (text, expected) => {
  expect(parseImageReference(text)).toEqual({ text, ...expected });
});

test.each(["nginx", "nginx:latest", "library/nginx", `${host}/Upper`, `${host}/code@sha256:short`])(
  "%s is in no registry of this bed",
  (text) => {
    expect(parseImageReference(text)).toBeNull();
  },
);
