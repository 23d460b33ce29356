import { type Dagster, dagsterOver, DagsterUnreachable, type Way } from "../../../src/dagster/client.ts";
import { partitionKeys, terminateRuns } from "../../../src/dagster/documents.ts";
import type { GateResult } from "../../../src/gates/gate.ts";
import { asFarAsKnown } from "../../../src/gates/older-dagster.ts";
import { testContext } from "../context.ts";

/** What Dagster 1.7.16 says to the question for keys of partitions; source: graphql-core, by its schema. */
const unknownField = { errors: [{ message: "Cannot query field 'partitionKeysOrError' on type 'Pipeline'." }] };

/** A webserver of this version, which knows no document; null: it says none. */
function webserver(version: string | null): Dagster {
  const reply = (status: number, answer: object) =>
    Promise.resolve({ status, location: null, challenge: null, body: JSON.stringify(answer) });
  const way: Way = {
    base: "http://dagster",
    login: null,
    send: ({ path }) => {
      if (path === "/graphql") return reply(400, { data: null, ...unknownField });
      if (version === null) throw new DagsterUnreachable("it does not answer");
      return reply(200, { dagster_webserver_version: version });
    },
  };
  return dagsterOver(way);
}

async function ask(version: string | null, document = partitionKeys): Promise<GateResult> {
  const { context, clock } = testContext();
  const asked = webserver(version);
  const gate = async (): Promise<GateResult> => {
    await asked.ask(document, {});
    throw new Error("it was answered");
  };
  return clock.run(asFarAsKnown(asked, context, { gate: "canary", on: "shop" }, "dagster-stack.yml", gate));
}

test.each(["1.7.16", "1.8.0"])(
  "Dagster %s, which does not know a question, is not asked the gate, and that is said",
  async (version) => {
    expect(await ask(version)).toMatchObject({
      gate: "canary",
      on: "shop",
      cause: null,
      seen: `not asked: Dagster ${version} does not know its questions`,
      findings: [
        {
          id: "dagster-unsupported",
          level: "notice",
          what: `Gate canary of shop was not asked: the webserver is Dagster ${version}, and what it asks is known from 1.9 on.`,
        },
      ],
    });
  },
);

test.each([
  ["of a version that knows it", "1.9.0"],
  ["that does not say its version", null],
])("A webserver %s and refuses a question all the same is not passed over", async (_, version) => {
  await expect(ask(version)).rejects.toThrow(/refuses the query PartitionKeys: Cannot query field/);
});

test("What every version knows is not passed over for an older one", async () => {
  await expect(ask("1.7.16", terminateRuns as never)).rejects.toThrow(/refuses the query TerminateRuns/);
});
