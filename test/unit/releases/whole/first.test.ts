import { openAccount } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import type { OutsideCall, Wire } from "../../../releases/played/wire.ts";

test("first release", async () => {
  const account = await openAccount();
  const calls: OutsideCall[] = [];
  const wire: Wire = (call, effect) => {
    calls.push(call);
    return effect();
  };
  const t = performance.now();
  const one = deployer(account, { wire });
  try {
    const result = await account.clock.run(one.deploy());
    console.log(result.outcome, performance.now() - t, calls.length, account.clock.product.now());
  } catch (e) {
    console.log(e, one.progress, (e as { cause?: unknown }).cause);
  }

  console.log([...account.s3.objects.keys()]);
  await account.close();
});
