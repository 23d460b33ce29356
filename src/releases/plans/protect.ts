import type { Finding } from "../../domain/finding.ts";
import { nameIn, type Observation, type TaggedImage } from "../observation.ts";
import { type Draft, push } from "./draft.ts";

/** Adds a step for each image that services of before run by a tag, and nothing else keeps: what is gone back to, should this fail. */
export function planProtection(observation: Pick<Observation, "tagged" | "services">, draft: Draft): void {
  const { tagged } = observation;
  const loose = tagged.flatMap((one) =>
    one.runs.filter(({ hold }) => hold === "loose").map(({ digest }) => ({ ...one, digest })),
  );
  const byImage = Map.groupBy(loose, ({ repository, digest }) => `${repository}@${digest}`);
  for (const [image, [first, ...others]] of byImage) {
    if (first === undefined) continue;
    const { repository, digest } = first;
    const services = [...new Set([first, ...others].map(({ service }) => nameIn(observation, service)))].join(" and ");
    push(draft, {
      id: `protect/${image}`,
      part: "images",
      after: [],
      reason: `${services} would go back to it, and run${others.length === 0 ? "s" : ""} it as ${first.reference.replace(/^.*\//, "")}, which may name another image by then`,
      undo: { kind: "none", why: "one tag more does no harm" },
      kind: "protect",
      repository,
      digest,
    });
  }
}

/** What of it cannot be gone back to, or is not known. */
export function checkTagged(observation: Pick<Observation, "tagged" | "services">): readonly Finding[] {
  return observation.tagged.flatMap((tagged): Finding[] => {
    const one = { ...tagged, service: nameIn(observation, tagged.service) };
    if (one.runs.length === 0) {
      const what = `Which image that is, is not known: neither ECS nor a running task tells it, or this job's role may not ask.`;
      const fix = "Let the role call ecs:DescribeServiceRevisions, ecs:ListTasks and ecs:DescribeTasks.";
      return [finding(one, "notice", what, fix)];
    }
    return one.runs.flatMap(({ digest, hold }) => {
      if (hold === "foreign") {
        const what = `That is ${digest}. Its repository is none of this stack's, so nothing is tagged there: should the release fail, the service goes back to whatever the tag names by then.`;
        const fix = "Leave that tag where it is until this service is gone for good.";
        return [finding(one, "notice", what, fix)];
      }
      if (hold !== "gone") return [];
      const what = `The registry does not have ${digest} any more, which runs: should the release fail, no task of it can be started.`;
      const fix = "Push that image again, if somebody has it; or know that there is nothing to go back to.";
      return [finding(one, "warning", what, fix)];
    });
  });
}

function finding(
  { service, container, reference }: TaggedImage,
  level: Finding["level"],
  what: string,
  fix: string,
): Finding {
  const where = `container ${container} of service ${service}`;
  return { id: "running-image", level, where, what: `It runs ${reference}, by a tag. ${what}`, fix };
}
