import type { Finding } from "../../domain/finding.ts";
import { type MakingPlan, planMade } from "../plan.ts";
import { changesInBuild } from "./compare.ts";
import type { DockerObservation } from "./observe.ts";

/** What will be done about an image of a Dockerfile. Its digest is known when it is built. */
export function planBuild(observation: DockerObservation): MakingPlan {
  const { request, inputs } = observation;
  return planMade(observation, {
    way: "docker",
    digest: null,
    dagster: null,
    made: null,
    ...(inputs.lock === undefined ? {} : { lock: inputs.lock }),
    changesSince: (former) => changesInBuild(former, inputs, request),
    findings: baseFindings(observation),
  });
}

function baseFindings({ request: { dockerfile }, images }: DockerObservation): readonly Finding[] {
  return images.flatMap(({ reference, digest, line, use }): readonly Finding[] => {
    const where = { file: dockerfile, line, column: 1 };
    if (digest === null) {
      return [
        {
          id: "base-unknown",
          level: "warning",
          where,
          what: `Nobody could be asked what ${reference} is now: when it moves under its name, the image is not built anew.`,
          fix: "Pin it by its digest (…@sha256:…), or take it through a pull-through cache of ECR, or from a registry that is read without a login.",
        },
      ];
    }
    // A Dockerfile that exists is taken as it is: what the tag names today is in the key, and is what is built upon.
    const isPinned = reference.includes("@") || /:[^/]+$/.test(reference.replace(/:latest$/, ""));
    if (isPinned || use === "frontend") return [];
    return [
      {
        id: "base-floats",
        level: "warning",
        where,
        what: `${reference} is not pinned: it may be anything tomorrow, and the image is then built upon that.`,
        fix: `Pin it: ${reference.replace(/:latest$/, "")}@${digest}`,
      },
    ];
  });
}
