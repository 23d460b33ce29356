import { type Substitution, substitute } from "../../local-aws/runtimes/process/substitution.ts";

/** An image that has `/app` and `/opt/dependencies`, and nothing else. */
const image: Substitution = {
  address: "127.77.0.5",
  locate: (path) => (/^\/(app|opt\/dependencies)(\/|$)/.test(path) ? `/task/root${path}` : null),
};

test.each([
  ["/app", "/task/root/app"],
  ["/app/home", "/task/root/app/home"],
  ["/app:/opt/dependencies", "/task/root/app:/task/root/opt/dependencies"],
  ["--workspace=/app/workspace.yaml", "--workspace=/task/root/app/workspace.yaml"],
  ['{"path": "/app/x"}', '{"path": "/task/root/app/x"}'],
  ["open('/app/x')", "open('/task/root/app/x')"],
  ["/app/../etc/passwd", "/task/root/app/../etc/passwd"],
])("a path of the image is where the image is: %s", (text, expected) => {
  expect(substitute(text, image)).toBe(expected);
});

test.each([
  "/usr/bin/env",
  "http://localhost:3000/app/server_info",
  "s3://bucket/app/x",
  "postgresql+psycopg2://user@host/app",
  "a/app",
  "application/json",
  "/",
  "//app",
])("what is no path of the image stays: %s", (text) => {
  expect(substitute(text, image)).toBe(text);
});

test.each([
  ["0.0.0.0", "127.77.0.5"],
  ["0.0.0.0:3000", "127.77.0.5:3000"],
  ["create_connection(('0.0.0.0', 4000))", "create_connection(('127.77.0.5', 4000))"],
  ["http://0.0.0.0:3000/x", "http://127.77.0.5:3000/x"],
  ["[::]:4000", "127.77.0.5:4000"],
  ["::", "127.77.0.5"],
])("every address is the task's own: %s", (text, expected) => {
  expect(substitute(text, image)).toBe(expected);
});

test.each(["10.0.0.0.0", "1.0.0.0.0", "0.0.0.0.1", "10.0.0.0/16", "std::string", "127.0.0.1"])(
  "what only looks like every address stays: %s",
  (text) => {
    expect(substitute(text, image)).toBe(text);
  },
);
