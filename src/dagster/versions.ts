/**
 * The oldest minor version that every document is held against (test/fixtures/dagster/schemas): all that a gate asks, it has.
 * Nothing but the version of the lock file says what an image has; the webserver says its own.
 */
export const oldestAsked = "1.9";

/**
 * The oldest minor version that runs can be pinned with: it has `task_definition_arn` in the container context of ECS.
 * Source: dagster_aws/ecs/container_context.py; 1.0.0 has it not, 1.0.17 does.
 */
export const oldestPinned = "1.1";
