#!/usr/bin/env node
// The `holdfast` command: runs the command line under the project's own Node.js, which executes TypeScript
// as it is, whichever Node.js npx or a shell has started this file with.
import path from 'node:path'
import { ensureNode } from './setup/node.mjs'
import { cacheDirectory, inProject, runMain } from './setup/project.mjs'
import { becomes } from './setup/run.mjs'

// `holdfast receive` works in this very process: many files are synced at once, and a disk that hangs must not
// take every thread of the pool, whose size can only be given from outside.
//
// Node.js keeps what it has compiled, which is half of what a short command costs; cron may start one every minute.
// A cache that cannot be written is left out without a word, as for a user without a home.
function compileCache() {
  try {
    return { NODE_COMPILE_CACHE: path.join(cacheDirectory(), 'compiled') }
  } catch {
    return {}
  }
}
const env = { UV_THREADPOOL_SIZE: '128', ...compileCache(), ...process.env }

await runMain(async () =>
  becomes(await ensureNode(), [inProject('cli/holdfast.ts'), ...process.argv.slice(2)], { env }),
)
