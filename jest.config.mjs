export default {
  testEnvironment: "node",
  testTimeout: 300_000, // a limit against hanging, not a measure: machines are slow and shared
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": "<rootDir>/test/strip-types.cjs" },
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  testSequencer: "<rootDir>/test/longest-first.cjs",
  coverageProvider: "v8",
  collectCoverageFrom: ["src/**/*.ts"],
};
