import { showTarget as showCanary } from "../../domain/canary.ts";
import { type Results, showLater } from "../../domain/later.ts";
import { showSettings, type Step } from "../../domain/plan.ts";
import { showRevision } from "../../domain/verdict.ts";
import { code, type Markdown, markdown } from "../../markdown/markdown.ts";
import { showRunning, shownName, successorOf } from "../observation.ts";

/** What a step does, as a line. @param results of the steps before it, as far as they are known */
export function describe(step: Step, results: Results = {}): Markdown {
  switch (step.kind) {
    case "image":
      return describeImage(step);
    case "protect":
      return markdown`keep ${code(`${step.repository}@${step.digest}`)} by a tag of its own`;
    case "register":
      return markdown`register ${code(step.family)} (${step.definition})`;
    case "run-task":
      return markdown`run migration ${code(step.migration)}`;
    case "drain":
      return markdown`wait until no run lives in ${step.holders.join(", ")}, ${step.minutes} min at most`;
    case "roll":
      return markdown`roll ${code(step.service)} from ${step.from === null ? "nothing" : showRevision(step.from)} to ${showTarget(showLater(step.to, results))}${step.count === null ? "" : `, count ${step.count}`}`;
    case "settings":
      return markdown`set ${code(step.service)} to ${showSettings(step.to)}, from ${showSettings(step.from)}`;
    case "stop": {
      const successor = successorOf(step.service);
      return successor === null
        ? markdown`stop ${code(step.service)}`
        : markdown`stop ${code(step.name)}, which ${code(successor)} replaces`;
    }
    case "put-back":
      return markdown`put ${code(shownName(step.service, step.name))} back to ${showRunning(step.to, step.count ?? 1)}`;
    case "publish":
      return markdown`publish version ${code(step.version.slice(0, 12))} of the DAGs of ${code(step.location)}`;
    case "switch":
      return markdown`let readers of ${code(step.location)} have version ${code(step.version.slice(0, 12))}, from ${step.from === null ? "nothing" : step.from.version.slice(0, 12)}`;
    case "list": {
      const { added, changed, removed } = step;
      const words = (names: readonly string[], verb: string): string =>
        names.length === 0 ? "" : `, ${names.join(", ")} ${names.length === 1 ? `${verb}s` : verb}`;
      return markdown`tell webserver and daemon their locations, without a restart${words(added, "come")}${words(changed, "change")}${removed.length === 0 ? "" : `, ${removed.join(", ")} ${removed.length === 1 ? "goes" : "go"}`}`;
    }
    case "mirror":
      return markdown`bring the plain files of ${code(step.location)} to version ${code(step.version.slice(0, 12))}`;
    case "gate":
      if (step.gate === "canary") {
        const { target, partition } = step.run;
        const of =
          partition.kind === "none" ? "" : `, partition ${partition.kind === "named" ? partition.name : "latest"}`;
        return markdown`canary gate of ${code(step.on)}: ${showCanary(target)}${of}`;
      }
      return step.gate === "location" && step.again
        ? markdown`${step.gate} gate of ${code(step.on)}, once more, of the new webserver`
        : markdown`${step.gate} gate of ${code(step.on)}`;
  }
}

function describeImage({ image, keptBy, way }: Extract<Step, { kind: "image" }>): Markdown {
  if (keptBy.length > 0) return markdown`copy the ${keptImageOf(keptBy)} from where it was made`;
  switch (way) {
    case "name":
      return markdown`name image ${code(image)} by this commit`;
    case "layers":
      return markdown`make image ${code(image)} of layers`;
    case "docker":
      return markdown`build image ${code(image)} from its Dockerfile`;
    case "copy":
      return markdown`copy image ${code(image)} from where it was made`;
  }
}

/** The image that services keep, which another environment has. */
export function keptImageOf(services: readonly string[]): string {
  return `image that ${services.join(" and ")} keep${services.length === 1 ? "s" : ""}`;
}

/** `family:revision` of an ARN. */
function showTarget(to: string): string {
  return to.slice(to.lastIndexOf("/") + 1);
}
