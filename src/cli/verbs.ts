import * as z from "zod";
import { flag, optional, required } from "../domain/given.ts";
import {
  about,
  approvedPlan,
  cleaning,
  described,
  keptOf,
  lookedAt,
  reasonOf,
  rollingChoices,
  rollingOut,
  unlocking,
  verification,
  whichStack,
} from "../releases/asked.ts";
import { usualRolling } from "../releases/rolling.ts";
import { adopting, adoptionOf, documentOfAdopted } from "./adopting.ts";
import type {
  CleanUpDocument,
  DoctorDocument,
  HistoryDocument,
  LeaveDocument,
  LocationsDocument,
  UnlockedDocument,
  UrlDocument,
} from "./documents.ts";
import { answerOfPlan, answerOfRelease } from "./release.ts";
import { documentOfImported, importing, importOf } from "./importing.ts";
import { ofCheckout, release } from "./releasing.ts";
import { asking, ofRelease, ofStack } from "./request.ts";
import { documentOfMigrated } from "./migrate.ts";
import { documentOfRestart } from "./restart.ts";
import {
  adding,
  addLocation,
  changing,
  locationName,
  named,
  ownOfLocations,
  removeLocation,
  updateLocation,
  updating,
} from "./locating.ts";
import { showLogs, since } from "./logs.ts";
import { ownOfSyncing, syncDags, syncing } from "./syncing.ts";
import { answerOfStatus } from "./status.ts";
import { type Verb, verb } from "./verb.ts";
import { documentOfWhy } from "./why.ts";
import { inOptions } from "./words.ts";

const dryRun = { "dry-run": flag };

const count = z
  .string()
  .regex(/^[1-9]\d{0,2}$/, "is a whole number, 1 to 999")
  .transform(Number);

/** Every command, by its name, in the order of the help. */
export const verbs: Readonly<Record<string, Verb>> = {
  plan: verb({
    text: "Show what a deploy of the checkout would do, and why; changes nothing.",
    more: "Reads the stack file, the registry, ECS, Dagster and the records. Ends with 2 when there is something to do.",
    argument: null,
    examples: ["plan", "plan --environment staging --only code", "plan --json | jq -r .planHash"],
    shape: z.object({
      only: about.only,
      ...lookedAt,
      "allow-state-loss": rollingOut["allow-state-loss"],
      ...verification,
      ...described,
      ...ofRelease,
    }),
    run: (given, here) =>
      asking(given, here, async ({ context, connections, request }) => {
        const { plan, wordsOfChange } = await import("../releases/work.ts");
        const wanted = {
          ...request,
          ...ofCheckout,
          release: null,
          whyNotRun: null,
          isTrial: false,
          definitions: given.definitions,
          prices: {},
          only: given.only,
          allowStateLoss: given["allow-state-loss"],
          approved: approvedPlan(given),
          verifying: given.verify,
        };
        return answerOfPlan(await plan(context, connections, wanted), wordsOfChange);
      }),
  }),
  deploy: verb({
    text: "Release the commit that is checked out.",
    more: "Makes images that are missing, runs migrations, registers task definitions, rolls services, each behind its gate, and commits the release; or takes back what moved. The checkout must be clean: a release is named by its commit. Ctrl-C ends it within ten seconds, and the next deploy goes on from there.",
    argument: null,
    examples: ["deploy", "deploy --environment staging", "deploy --only code --lock-timeout 10"],
    shape: z.object({
      only: about.only,
      ...dryRun,
      ...lookedAt,
      ...verification,
      ...rollingOut,
      ...cleaning,
      ...ofRelease,
    }),
    run: (given, here) => asking(given, here, (asked) => release(given, asked, { ...ofCheckout, only: given.only })),
  }),
  migrate: verb({
    text: "Carry out the migrations that a deploy of the checkout would begin with, and nothing else of it.",
    more: "Each runs as one task on the new image, which is made when it is not there; no service moves, and no release becomes current: the history lists it as abandoned. Refused for a newer minor version of Dagster, for which services stand still, and for `tool: command`, which the next deploy would run again: that takes a deploy.",
    argument: null,
    examples: ["migrate --dry-run", "migrate --environment staging"],
    shape: z.object({ only: about.only, ...dryRun, ...verification, ...ofRelease }),
    run: (given, here) =>
      asking(given, here, async ({ context, connections, request }) => {
        const { migrate, wordsOfMigrated } = await import("../releases/work.ts");
        const done = await migrate(context, connections, {
          ...request,
          ...ofCheckout,
          only: given.only,
          release: null,
          queuedRuns: "keep",
          allowStateLoss: true,
          rolling: usualRolling,
          verifying: given.verify,
          dryRun: given["dry-run"],
        });
        return {
          lines: wordsOfMigrated(done),
          document: documentOfMigrated(done),
          exitCode: done.steps.length > 0 && done.result === null ? 2 : 0,
        };
      }),
  }),
  rollback: verb({
    text: "Let an earlier release run again.",
    more: "Never migrates; refuses when the database, Dagster's version, an image or a definition does not allow it, and says what would.",
    argument: {
      name: "to",
      text: "A release id, the SHA of its commit (7 digits at least), previous, or a time in UTC: what was current then.",
    },
    examples: ["rollback previous --dry-run", "rollback previous", "rollback 3f2a91c", "rollback 2026-11-20T15:00Z"],
    shape: z.object({ to: required, ...dryRun, ...lookedAt, ...rollingOut, ...ofRelease }),
    run: (given, here) =>
      asking(given, here, async ({ context, connections, request }) => {
        const { rollback, wordsOfChange } = await import("../releases/work.ts");
        const dry = given["dry-run"];
        const choices = rollingChoices(given);
        const wanted = { ...request, ...choices, to: given.to, dryRun: dry, approved: approvedPlan(given) };
        const result = await rollback(context, connections, wanted);
        return dry ? answerOfPlan(result, wordsOfChange) : answerOfRelease(result);
      }),
  }),
  "adopt record": verb({
    text: "Record what runs as the first release, which every later one can go back to.",
    more: "Gives each image that runs a tag that keeps it, and registers each definition that names a tag anew with the digest; no service moves. Schedules and sensors are noted. Run it on the default branch, after the merge: refused on a commit that is not in it. Refused once something is released.",
    argument: null,
    examples: ["adopt record --dry-run", "adopt record"],
    shape: z.object({ ...dryRun, ...ofRelease }),
    run: (given, here) =>
      asking(given, here, async ({ context, connections, request }) => {
        const [{ recordRunning }, { wordsOfChange }] = await Promise.all([
          import("../adopt/work.ts"),
          import("../releases/work.ts"),
        ]);
        const dry = given["dry-run"];
        const result = await recordRunning(context, connections, { ...request, dryRun: dry });
        return dry ? answerOfPlan(result, wordsOfChange) : answerOfRelease(result);
      }),
  }),
  adopt: verb({
    text: "Write the stack file of a Dagster that runs on ECS already, and say what a release of it would change.",
    more: "Changes nothing in AWS. Tells the processes by their commands, ports and names; takes locations from Dagster, from the workspace file or from --location; says in the file what it had to guess. Then plans a release of the very images that run, and holds it against what runs: ends with 2 when something else would run.",
    argument: null,
    examples: [
      "adopt --cluster dealflow --url http://dagster.internal:3000 --bucket dealflow-releases",
      "adopt --cloudformation-stack dealflow --location DealflowcodeService-J2vB=DealFlow",
    ],
    shape: z.object({
      stack: ofStack.stack,
      ...adopting,
      "allowed-account-ids": ofStack["allowed-account-ids"],
      repository: ofStack.repository,
    }),
    run: (given, here) =>
      asking({ ...given, environment: "production" }, here, async ({ context, connections, request }) => {
        const { adopt, guessesOf, wordsOfAdopted } = await import("../adopt/work.ts");
        const adopted = await adopt(context, connections, {
          ...request,
          ...adoptionOf(given),
          job: { ...request.job, region: request.job.region ?? here.variables["AWS_DEFAULT_REGION"] ?? null },
        });
        return {
          lines: wordsOfAdopted(adopted),
          document: documentOfAdopted(adopted, guessesOf(adopted.stack)),
          exitCode: adopted.proof.isSame ? 0 : 2,
        };
      }),
  }),
  promote: verb({
    text: "Release here what another environment runs, without making any image.",
    more: "The images are those that were proved there, digest by digest; settings are those of this environment in the checkout's stack file. Look first: --dry-run.",
    argument: { name: "from", text: "Environment: staging for what is current there, or staging@<release id>." },
    examples: ["promote staging --dry-run", "promote staging --environment production"],
    shape: z.object({
      // An empty one, of a variable that is not set, must not become a deploy of the checkout.
      from: about.from.refine((from) => from !== null, "is required"),
      only: about.only,
      "copy-images": flag,
      ...dryRun,
      ...lookedAt,
      ...verification,
      ...rollingOut,
      ...cleaning,
      ...ofRelease,
    }),
    run: (given, here) =>
      asking(given, here, (asked) =>
        release(given, asked, { only: given.only, from: given.from, copyImages: given["copy-images"] }),
      ),
  }),
  restart: verb({
    text: "Replace the tasks of a service by new ones of what it runs: after a secret was rotated.",
    more: "Under the lock and behind the gates of a release; the daemon is stopped before it starts again. Runs that live in the service are waited for; where no webserver can be asked for them, that is said. The release stays what it is, and nothing is recorded. When it fails there is nothing to go back to: mend what the error names.",
    argument: { name: "service", text: "Key of the service in the stack file, or its name in ECS." },
    examples: ["restart webserver --dry-run", "restart daemon", "restart code --timeout 10"],
    shape: z.object({
      service: required,
      ...dryRun,
      "fail-early": rollingOut["fail-early"],
      timeout: rollingOut.timeout,
      ...ofStack,
      "lock-timeout": whichStack["lock-timeout"],
    }),
    run: (given, here) =>
      asking(given, here, async ({ context, connections, request }) => {
        const { restart, wordsOfRestart } = await import("../releases/work.ts");
        const { service, timeout: timeoutSeconds, "fail-early": failEarly, "dry-run": isDry } = given;
        const rolling = { timeoutSeconds, failEarly };
        const done = await restart(context, connections, { ...request, service, rolling, dryRun: isDry });
        return { lines: wordsOfRestart(done), document: documentOfRestart(done), exitCode: isDry ? 2 : 0 };
      }),
  }),
  status: verb({
    text: "Say what runs, what was released, and how they differ; changes nothing.",
    more: "Ends with 2 when what runs is not what the current release says, and nobody is releasing.",
    argument: null,
    examples: ["status", "status --environment staging --json"],
    shape: z.object(ofStack),
    run: (given, here) =>
      asking(
        given,
        here,
        async ({ context, connections, request }) => {
          const { status, wordsOfStatus } = await import("../releases/work.ts");
          const seen = await status(context, connections, request);
          return answerOfStatus(seen, wordsOfStatus(seen));
        },
        onlyLooks,
      ),
  }),
  history: verb({
    text: "List the releases: what each did, how it ended, who did it.",
    more: "",
    argument: null,
    examples: ["history", "history --limit 5 --environment staging"],
    shape: z.object({ limit: count, ...ofStack }),
    run: (given, here) =>
      asking(
        given,
        here,
        async ({ context, connections, request }) => {
          const { history, wordsOfHistory } = await import("../releases/work.ts");
          const releases = await history(context, connections, request, given.limit);
          return {
            lines: wordsOfHistory(releases),
            document: { releases: [...releases] } satisfies HistoryDocument,
            exitCode: 0,
          };
        },
        onlyLooks,
      ),
  }),
  url: verb({
    text: "Say where Dagster's webserver is.",
    more: "",
    argument: null,
    examples: ["url", "url --json | jq -r .webservers[0].url"],
    shape: z.object(ofStack),
    run: (given, here) =>
      asking(given, here, async ({ context, connections, request }) => {
        const { webserverAddresses, wordsOfAddresses } = await import("../releases/work.ts");
        const found = await webserverAddresses(context, connections, request);
        return {
          lines: wordsOfAddresses(found),
          document: { webservers: [...found] } satisfies UrlDocument,
          exitCode: 0,
        };
      }),
  }),
  "sync-dags": verb({
    text: "Publish the code of locations to S3, let readers have it, and wait until it is loaded.",
    more: "As the action does, from the commit that is checked out: for locations that are released by themselves. Which, and where to, is said by `dags:` of the stack file, of a repository that only publishes, too; or, for one location without a stack file, by --bucket. A location that its stack releases goes by `deploy --only <location>`. What is not loaded is taken back. Ctrl-C at any point: it is finished by doing it again. Look first: --dry-run.",
    argument: {
      name: "location",
      text: "Dagster's name for it; without one, all that the stack file has for this repository.",
      isOptional: true,
      isMany: true,
    },
    examples: [
      "sync-dags --dry-run",
      "sync-dags my-pipeline --webserver-url http://dagster.internal:3000",
      "sync-dags my-pipeline --bucket dynamic-dags --directory . --module defs",
      "sync-dags my-pipeline --to previous",
    ],
    shape: z.object({ ...syncing, ...dryRun, ...ofStack }),
    own: ownOfSyncing,
    run: syncDags,
  }),
  "locations list": verb({
    text: "List the code locations: which commit of each is released, and what serves it.",
    more: "",
    argument: null,
    examples: ["locations list"],
    shape: z.object(ofStack),
    run: (given, here) =>
      asking(given, here, async ({ context, connections, request }) => {
        const { locations, wordsOfLocations } = await import("../releases/work.ts");
        const all = await locations(context, connections, request);
        return {
          lines: wordsOfLocations(all),
          document: {
            locations: all.map((one) => ({ ...one, services: [...one.services] })),
          } satisfies LocationsDocument,
          exitCode: 0,
        };
      }),
  }),
  "locations add": verb({
    text: "Write a new location into the stack file, and say what comes next.",
    more: "Under `dags`, and into the list of webserver and daemon, which load it without a restart; with --image, a code server of its own. All else in the file stays as it is, comments too. What the stack file's schema refuses is not written. Nothing changes in AWS before the next release.",
    argument: named,
    examples: [
      "locations add reports --directory reports --module reports.definitions --dry-run",
      "locations add my-pipeline --source user/repo@main --directory . --module defs",
      "locations add billing --image billing --module billing.definitions --address billing.internal",
    ],
    shape: z.object({ ...adding, ...changing }),
    own: ownOfLocations,
    run: addLocation,
  }),
  "locations update": verb({
    text: "Change what the stack file says of a location.",
    more: "What is given is set, what --unset names is removed, all else stays as it is, comments too. With --environment only what that one has for itself. Another prefix is another place: what was published stays at the old one.",
    argument: named,
    examples: [
      "locations update reports --poll-seconds 30",
      "locations update my-pipeline --source user/repo@release --dry-run",
      "locations update reports --environment staging --module reports.trial",
    ],
    shape: z.object({ ...updating, ...changing }),
    own: ownOfLocations,
    run: updateLocation,
  }),
  "locations remove": verb({
    text: "Take a location out of the stack file, once you have seen what goes, what stays, and which runs wait.",
    more: "Asks before it writes; --yes where nobody can be asked. Nothing changes in AWS before the next release, and nothing of it is ever removed by that: the command which removes its code in S3 is told.",
    argument: named,
    examples: ["locations remove reports --dry-run", "locations remove reports", "locations remove reports --yes"],
    shape: z.object({ name: locationName, yes: flag, ...changing }),
    run: removeLocation,
  }),
  "locations logs": verb({
    text: "Show what a location and its runs have written, or follow it; changes nothing.",
    more: "As `logs` does of what its argument names.",
    argument: named,
    examples: ["locations logs shop --since 1h", "locations logs shop --follow"],
    shape: z.object({ name: locationName, since, follow: flag, ...ofStack }),
    run: (given, here) => showLogs({ ...given, of: given.name }, here),
  }),
  logs: verb({
    text: "Show what services and runs have written, or follow it; changes nothing.",
    more: "Oldest first, whichever tasks wrote it, ended ones among them. What looks like a secret is hidden. A run is found by its task as Dagster knows it; where Dagster cannot be asked, or the run had no task of its own, by its id in the lines of the last day. Only logs in CloudWatch can be read (`awslogs`).",
    argument: {
      name: "of",
      text: "A service, a code location with its runs, `runs`, or the id of a run; without it, all services and runs.",
      isOptional: true,
    },
    examples: ["logs --since 1h", "logs webserver --follow", "logs 3f2a91c0-5d1e-4b0a-9c57-2f6b8e1d7a04"],
    shape: z.object({ of: optional, since, follow: flag, ...ofStack }),
    run: showLogs,
  }),
  why: verb({
    text: "Tell what a run ran, who had released that, how it ended, and what changed since the last good one; changes nothing.",
    more: "Commit, digest, task definition, task, errors, the last lines of its log, links; then images, commits and definitions that differ from those of the last good run of the same job. ECS forgets a task an hour after its end; the release is then the one that was current when the run was made.",
    argument: { name: "run-id", text: "The whole id of the run, as the address of its page in Dagster has it." },
    examples: ["why 3f2a91c0-5d1e-4b0a-9c57-2f6b8e1d7a04"],
    shape: z.object({ "run-id": required, ...ofStack }),
    run: (given, here) =>
      asking(given, here, async ({ context, connections, request }) => {
        const { why, wordsOfWhy } = await import("../releases/work.ts");
        const told = await why(context, connections, request, given["run-id"]);
        return { lines: wordsOfWhy(told), document: documentOfWhy(told), exitCode: 0 };
      }),
  }),
  doctor: verb({
    text: "Look whether a stack can be worked with from here; changes nothing.",
    more: "Stack file, credentials, contract, records, services, and whether the webserver answers from this machine. What a release may not do is told by `plan`, with the statement that allows it.",
    argument: null,
    examples: ["doctor", "doctor --environment staging"],
    shape: z.object(ofStack),
    run: (given, here) =>
      asking(
        given,
        here,
        async ({ context, connections, request }) => {
          const { examine, wordsOfExamined } = await import("../releases/work.ts");
          const found = (await examine(context, connections, request)).map((one) => ({
            ...one,
            seen: inOptions(one.seen),
          }));
          return {
            lines: wordsOfExamined(found),
            document: { examined: found } satisfies DoctorDocument,
            exitCode: found.every(({ isGood }) => isGood) ? 0 : 1,
          };
        },
        onlyLooks,
      ),
  }),
  policy: verb({
    text: "Print the IAM policy that a role needs for this stack, by its names; changes nothing.",
    more: "Made of the list that docs/permissions.md shows, with what the stack file asks for: scans, repositories to make, a task that asks Dagster, what gates look at and log in with. --verify and --keep-revisions add what they need. Not in it, since the stack file does not tell: what `from:` reads in another environment, values of secrets (--verify secret-keys), sidecars' images in other repositories, and keys of KMS. docs/permissions.md names these.",
    argument: null,
    examples: [
      "policy > deploy.json",
      "policy --for plan --for status --verify true",
      "policy | aws iam put-role-policy --role-name shop-deploy --policy-name dagster-ecs --policy-document file:///dev/stdin",
    ],
    shape: z.object({
      for: required.transform((text) => text.split(/[\n,]/).map((name) => name.trim())),
      ...verification,
      ...cleaning,
      ...ofStack,
    }),
    run: (given, here) =>
      asking(given, here, async ({ context, connections, request }) => {
        const { rolePolicy } = await import("../releases/work.ts");
        const policy = await rolePolicy(context, connections, {
          ...request,
          commands: given.for,
          verifies: given.verify !== "false",
          keepsRevisions: given["keep-revisions"] !== null,
        });
        return { lines: JSON.stringify(policy, null, 2).split("\n"), document: policy, exitCode: 0 };
      }),
  }),
  "clean-up": verb({
    text: "Deregister old task definitions that nothing names any more.",
    more: "As a deploy with --keep-revisions does, without a release. They can still be read, and a rollback to one registers it anew. Look first: --dry-run.",
    argument: null,
    examples: ["clean-up --keep-revisions 10 --dry-run", "clean-up --keep-revisions 10"],
    shape: z.object({ ...cleaning, ...dryRun, ...ofStack, "lock-timeout": whichStack["lock-timeout"] }),
    run: (given, here) => {
      const [keep, isDry] = [keptOf(given), given["dry-run"]];
      return asking(given, here, async ({ context, connections, request }) => {
        const { cleanUp, wordsOfCleanedUp } = await import("../releases/work.ts");
        const cleaned = await cleanUp(context, connections, { ...request, keep, dryRun: isDry });
        const { deregistered, isMore, leavesRuns } = cleaned.revisions;
        return {
          lines: wordsOfCleanedUp(cleaned),
          document: { oldRevisions: [...deregistered], isMore, leavesRuns } satisfies CleanUpDocument,
          exitCode: isDry && deregistered.length > 0 ? 2 : 0,
        };
      });
    },
  }),
  "secrets import": verb({
    text: "Move what may be secret of an environment file to Secrets Manager or SSM, and say how the stack file names it.",
    more: "No value is shown. Keys and parameters that are there stay; one with another value is refused, unless --overwrite names it. A secret that is not there is made; make it before for a KMS key of your own. Lists the revisions of task definitions that hold the same variables in plain text. Look first: --dry-run, which reads the store, too.",
    argument: { name: "file", text: "The environment file, as docker compose reads it: .env.prod" },
    examples: [
      "secrets import .env.prod --into secret:dealflow/prod --dry-run",
      "secrets import .env.prod --into ssm:/asset_manager/prod/ --variable DAGSTER_PG_PASSWORD",
    ],
    shape: z.object({
      file: required,
      ...importing,
      ...dryRun,
      "allowed-account-ids": ofStack["allowed-account-ids"],
    }),
    run: async (given, { context, folder, variables }) => {
      const [{ connect }, { importSecrets, stackFileLines, wordsOfImported }] = await Promise.all([
        import("../releases/work.ts"),
        import("../adopt/work.ts"),
      ]);
      const dry = given["dry-run"];
      const region = variables["AWS_REGION"] ?? variables["AWS_DEFAULT_REGION"] ?? null;
      const imported = await importSecrets(context, connect(context, null), {
        ...importOf(given),
        folder,
        file: given.file,
        job: { region },
        allowedAccounts: given["allowed-account-ids"],
        dryRun: dry,
      });
      const changes = imported.variables.some(({ does }) => does !== "same");
      const document = documentOfImported(imported, stackFileLines(imported));
      return { lines: wordsOfImported(imported), document, exitCode: dry && changes ? 2 : 0 };
    },
  }),
  leave: verb({
    text: "Write the commands that give back what was there before the first release; changes nothing.",
    more: "A script for AWS's command line, and the definitions it registers: each service as it runs now, without what releases have added; then revisions and records of releases are removed. Images and their tags stay, and are named. It is yours to look at, and to run.",
    argument: null,
    examples: ["leave", "leave --environment staging"],
    shape: z.object(ofStack),
    run: (given, here) =>
      asking(given, here, async ({ context, connections, request }) => {
        const { leave, wordsOfLeft } = await import("../adopt/work.ts");
        const left = await leave(context, connections, request);
        const calls = left.calls.map(({ service, operation, why }) => ({ service, operation, why }));
        const document = { files: [...left.files], calls, stays: [...left.stays] } satisfies LeaveDocument;
        return { lines: wordsOfLeft(left), document, exitCode: 0 };
      }),
  }),
  unlock: verb({
    text: "Take the lock away from a release that died.",
    more: "Whoever holds it writes nothing more from then on. Look first whether it is really dead: `status` says who it is, and a lock that nobody renews is over after 15 minutes.",
    argument: null,
    examples: ['unlock --dry-run --reason "who is it"', 'unlock --reason "the laptop is gone"'],
    shape: z.object({ ...unlocking, ...dryRun, ...ofStack }),
    run: (given, here) => {
      const [why, dry] = [reasonOf(given), given["dry-run"]];
      return asking(given, here, async ({ context, connections, request }) => {
        const { unlockStack, wordsOfUnlocked } = await import("../releases/work.ts");
        const end = await unlockStack(context, connections, request, { why, dryRun: dry });
        const { holder, taken, unfinished } = end;
        return {
          lines: [wordsOfUnlocked(end)],
          document: { holder: holder?.name ?? null, taken, unfinished: [...unfinished] } satisfies UnlockedDocument,
          exitCode: 0,
        };
      });
    },
  }),
};

/** Of what is asked without being a release. */
const onlyLooks = { releases: false };
