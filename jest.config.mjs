export default {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": "<rootDir>/test/strip-types.cjs" },
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  coverageProvider: "v8",
  collectCoverageFrom: ["src/**/*.ts"],
};
