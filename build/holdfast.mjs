#!/usr/bin/env node
// The `holdfast` command: runs the command line under the project's own Node.js, which executes TypeScript
// as it is, whichever Node.js npx or a shell has started this file with.
import { ensureNode } from './setup/node.mjs'
import { inProject, runMain } from './setup/project.mjs'
import { becomes } from './setup/run.mjs'

await runMain(async () =>
  becomes(await ensureNode(), [inProject('cli/holdfast.ts'), ...process.argv.slice(2)]),
)
