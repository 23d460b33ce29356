import { readDockerfile } from "../../../../src/images/docker/dockerfile.ts";

function read(text: string, more: { target?: string; arguments?: Record<string, string> } = {}): readonly string[] {
  const { target = null, arguments: given = {} } = more;
  const images = readDockerfile(text, { file: "Dockerfile", target, arguments: given, platform: "linux/arm64" });
  return images.map(({ reference, use, line }) => `${line} ${use} ${reference}`);
}

const stages = `FROM python:3.12 AS base
FROM node:22 AS assets
RUN make
FROM base AS test
COPY --from=tools:1 /bin/tool /bin/tool
FROM base AS production
COPY --from=assets /out /out
RUN --mount=type=bind,from=data:2,target=/data --mount=type=cache,target=/root ls
`;

test.each<[string, string, Parameters<typeof read>[1], readonly string[]]>([
  ["one stage", "FROM python:3.12-slim\n", {}, ["1 stage python:3.12-slim"]],
  ["nothing is taken of scratch", "FROM scratch\nCOPY a /\n", {}, []],
  ["the last stage and what it takes", stages, {}, ["1 stage python:3.12", "2 stage node:22", "8 files data:2"]],
  ["another target, by its name in any case", stages, { target: "TEST" }, ["1 stage python:3.12", "5 files tools:1"]],
  ["another target, by its number", stages, { target: "1" }, ["2 stage node:22"]],
  ["a stage by its number", "FROM a:1\nFROM b:1\nCOPY --from=0 /x /x\n", {}, ["2 stage b:1", "1 stage a:1"]],
  [
    "a later stage of that name does not count",
    "FROM a:1\nCOPY --from=b /x /\nFROM c:1 AS b\n",
    { target: "0" },
    ["1 stage a:1", "2 files b"],
  ],
  ["the frontend", "# syntax=docker/dockerfile:1\nFROM a:1\n", {}, ["1 frontend docker/dockerfile:1", "2 stage a:1"]],
  ["no frontend below a remark", "# a remark\n# syntax=docker/dockerfile:1\nFROM a:1\n", {}, ["3 stage a:1"]],
  ["an argument's default", "ARG V=3.12\nFROM python:$V\n", {}, ["2 stage python:3.12"]],
  [
    "an argument that is given",
    "ARG V=3.12\nFROM python:${V}\n",
    { arguments: { V: "3.13" } },
    ["2 stage python:3.13"],
  ],
  [
    "one that the Dockerfile does not ask for",
    "FROM python:${V:-3.12}\n",
    { arguments: { V: "3.13" } },
    ["1 stage python:3.12"],
  ],
  ["arguments in arguments, in quotes", 'ARG A=py B="${A}thon"\nFROM $B:1\n', {}, ["2 stage python:1"]],
  ["defaults and alternatives", "ARG A=\nARG B=x\nFROM a:${A:-1}${A-2}${B:+3}${C:+4}${C-5}\n", {}, ["3 stage a:135"]],
  ["arguments of a stage do not count", "FROM a:1 AS x\nARG V=2\nFROM b:${V:-1}\n", {}, ["3 stage b:1"]],
  ["the platform", "FROM --platform=$BUILDPLATFORM a-${TARGETARCH}:1 AS x\n", {}, ["1 stage a-arm64:1"]],
  ["lines that go on, with remarks in between", "FROM \\\n# a remark\n\n  a:1 \\\n AS x\n", {}, ["1 stage a:1"]],
  ["another escape", "# escape=`\nFROM `\n a:1\nRUN dir C:\\\nFROM b:1\n", {}, ["5 stage b:1"]],
  ["here-documents", "FROM a:1\nRUN <<EOF cat <<-'B'\nFROM no:1\nEOF\nFROM no:2\n\tB\nFROM b:1\n", {}, ["7 stage b:1"]],
  [
    "a shift is no here-document",
    "FROM a:1\nRUN echo $((1<<2))\nCOPY --from=b:1 /x /x\n",
    {},
    ["1 stage a:1", "3 files b:1"],
  ],
])("%s", (_name, text, more, expected) => {
  expect(read(text, more)).toEqual(expected);
});

test.each<[string, string, { target?: string }, RegExp]>([
  ["nothing to build upon", "RUN ls\n", {}, /has no FROM.*Dockerfile:1:1/s],
  ["an empty name", "ARG BASE\nFROM $BASE\n", {}, /FROM names no image: "\$BASE" is empty.*Dockerfile:2:1/s],
  ["a target that is not there", "FROM a:1 AS x\n", { target: "y" }, /no stage "y".*Its stages are x\./s],
])("%s is told at its line", (_name, text, more, message) => {
  expect(() => read(text, more)).toThrow(message);
});
