import fc from "fast-check";

/**
 * fast-check, with the same examples in each run of the tests: what is red for one is red for all, and whoever changes nothing
 * sees nothing change. `npm run soak -- properties` looks at others, by a seed in PROPERTY_SEED.
 */
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env["PROPERTY_SEED"] ?? 20_261_122) });

export default fc;
