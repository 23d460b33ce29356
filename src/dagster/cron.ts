/**
 * The shortest time between two ticks that the minutes of a cron text allow, in seconds; an hour when it is longer, null when nothing is
 * known. Hours and days are not looked at: a schedule of one hour a day is as frequent in it. Pure.
 * @param text as Dagster's GraphQL has it: one, or several as a Python list
 * Source: croniter's fields, dagster/_utils/schedules.py
 */
export function shortestIntervalSeconds(text: string): number | null {
  const all = text.startsWith("[")
    ? [...text.matchAll(/'([^']*)'|"([^"]*)"/g)].map(([, a, b]) => a ?? b ?? "")
    : [text];
  const lists = all.map(minutesOf);
  if (lists.length === 0 || lists.includes(null)) return null;
  const minutes = [...new Set(lists.flatMap((list) => list ?? []))].sort((a, b) => a - b);
  const gaps = minutes.map((minute, index) => (minutes[index + 1] ?? (minutes[0] ?? 0) + 60) - minute);
  return Math.min(...gaps) * 60;
}

const named = /^@(?:hourly|daily|midnight|weekly|monthly|yearly|annually)$/;

function minutesOf(cron: string): readonly number[] | null {
  const [field = ""] = cron.trim().split(/\s+/);
  if (named.test(field)) return [0];
  const minutes: number[] = [];
  for (const part of field.split(",")) {
    const read = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(part);
    if (read === null) return null;
    const [, from, to, every] = read;
    const first = Number(from ?? 0);
    const last = to === undefined ? (from === undefined || every !== undefined ? 59 : first) : Number(to);
    const step = Number(every ?? 1);
    if (step === 0 || first > last || last > 59) return null;
    for (let minute = first; minute <= last; minute += step) minutes.push(minute);
  }
  return minutes;
}
