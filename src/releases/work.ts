/*
 * What actions and the command line do once they know what is asked. It is one chunk of the bundle: who is refused does not load it,
 * and no two chunks hold the same.
 */
export { repositoryOf, rootOf } from "../git/history.ts";
export * as images from "../images/index.ts";
export { roll, takeBack } from "../deployments/index.ts";
export { cleanUp, explainCleanedUp, wordsOfCleanedUp } from "./clean-up.ts";
export { closeOpen, explainClosed } from "./close.ts";
export { connect } from "./connections.ts";
export { allParts, deploy, plan } from "./deploy.ts";
export { homeOf, valueFromOf } from "./definitions.ts";
export { showDrift, subjectOf } from "./drift.ts";
export { explainFailure } from "./ending/explain.ts";
export { examine, wordsOfExamined } from "./examine.ts";
export { wordsOfChange } from "./explain.ts";
export { undisturbedService } from "./in-flight.ts";
export { locations, wordsOfLocations } from "./locations/list.ts";
export { logsOf, whoseLine } from "./logs.ts";
export { migrate, wordsOfMigrated } from "./migrate.ts";
export { checkOneService } from "./one-service-checks.ts";
export { checkAccount } from "./open.ts";
export { history, wordsOfHistory } from "./past.ts";
export { restart, wordsOfRestart } from "./restart.ts";
export { rolePolicy } from "./policy/read.ts";
export { rollback } from "./rollback.ts";
export { syncCheckout } from "./sync-checkout.ts";
export { explainSynced, failureOfSynced, isChanged, wordsOfSynced } from "./sync-explain.ts";
export { syncOfStack } from "./sync-stack.ts";
export { sendServiceBack } from "./send-back.ts";
export { observeSettledRevision } from "../deployments/index.ts";
export { explainStatus, status, wordsOfStatus } from "./status.ts";
export { tellEvidence } from "./tell-evidence.ts";
export { testImages } from "./test-images.ts";
export { webserverAddresses, wordsOfAddresses } from "./addresses.ts";
export { explainUnlocked, unlockStack, wordsOfUnlocked } from "./unlock.ts";
export { why, wordsOfWhy } from "./why.ts";
export { parseSecret } from "../stack/variables.ts";
export { compareDefinitions } from "../task-definitions/compare.ts";
export { explainChanges } from "../task-definitions/explain.ts";
export { definitionFromFile, judgeFile } from "../task-definitions/from-file.ts";
export { newestDefinition } from "../task-definitions/observe.ts";
export { registerDefinition } from "../task-definitions/register.ts";
