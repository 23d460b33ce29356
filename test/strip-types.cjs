// Types are stripped by Node itself: line numbers stay exact, no source map, no second compiler.
const { stripTypeScriptTypes } = require("node:module");
module.exports = { process: (source) => ({ code: stripTypeScriptTypes(source, { mode: "strip" }) }) };
