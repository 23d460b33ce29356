/** How many times faster than AWS the beds here are; `BED_SPEED=1` is AWS's own pace, for a look by hand. */
export const bedSpeed = Number(process.env["BED_SPEED"] ?? "50");

/** Seconds more that what waits for AWS may take at that pace: AWS needs some minutes for a deployment and what is drained by it. */
export const awsSeconds = 300 / bedSpeed;

/** Milliseconds that one test may take: it waits for several deployments, one after another. */
export const testMilliseconds = 300_000 + 4 * awsSeconds * 1000;
