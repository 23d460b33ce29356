import { underSwitches, wrongUnder } from "../../../releases/played/switches.ts";
import { seeded, shuffled } from "../../../releases/processes/seeded.ts";

// All of them are played by `npm run soak -- switches`: here, each switch with the cell that a seed gives it.
const some = Map.groupBy(shuffled(underSwitches, seeded(1)), ({ id, value }) => `${id} ${value}`)
  .values()
  .flatMap((those) => those.slice(0, 1));

describe("What is not known of ECS does not change how a release ends", () => {
  test.each([...some])("should $id be $value: $kind, and $what", async (one) => {
    expect(await wrongUnder(one)).toEqual([]);
  });
});
