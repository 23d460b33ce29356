import { shortestIntervalSeconds } from "../../../src/dagster/cron.ts";

test.each([
  ["* * * * *", 60],
  ["*/2 * * * *", 120],
  ["0/15 3 * * *", 900],
  ["5,6 * * * *", 60],
  ["0,59 * * * *", 60],
  ["10-20/5 * * * *", 300],
  ["0 6 * * *", 3600],
  ["@daily", 3600],
  ["['0 * * * *', '1 * * * *']", 60],
  ["['0 * * * *', \"30 * * * *\"]", 1800],
])("%s ticks every %d seconds at most often", (cron, seconds) => {
  expect(shortestIntervalSeconds(cron)).toBe(seconds);
});

test.each(["", "@reboot", "H * * * *", "*/0 * * * *", "70 * * * *", "9-3 * * * *", "[]", "['* * * * *', 'soon']"])(
  "of %j nothing is known",
  (cron) => {
    expect(shortestIntervalSeconds(cron)).toBeNull();
  },
);
