// Reads simulations as JSON lines from standard input; prints one JSON line for each: the decision, the
// condition keys that were ignored, or the error. The only argument is the folder that install.py filled.
"use strict";

const { createRequire } = require("node:module");
const { createInterface } = require("node:readline");
const path = require("node:path");

const { runSimulation } = createRequire(path.join(path.resolve(process.argv[2]), "x.js"))(
  "@cloud-copilot/iam-simulate",
);

async function answer(line) {
  try {
    const found = await runSimulation(JSON.parse(line), { simulationMode: "Strict" });
    if (found.resultType === "error") {
      return { error: found.errors };
    }
    return { decision: found.overallResult, ignored: found.result?.ignoredContextKeys ?? [] };
  } catch (error) {
    return { error: { message: String(error) } };
  }
}

async function main() {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
  }
}

main();
