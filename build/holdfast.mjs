#!/usr/bin/env node
// The `holdfast` command, whichever Node.js npx or a shell has started this file with.
import * as nodeModule from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { commandScript } from './setup/command.mjs'
import { ensureNode } from './setup/node.mjs'
import { cacheDirectory, dropError, runMain } from './setup/project.mjs'
import { becomes } from './setup/run.mjs'

// Short commands, which only read and ask: they run in this very process, as another one would take longer to start
// than they take.
const SHORT = new Set(
  '--help --version status probe check paths history incidents channels pause resume limit settings destinations senders'.split(
    ' ',
  ),
)
/** The oldest Node.js that what is built runs on: Electron 33's. */
const OLDEST = { major: 20, minor: 18 }

function isNodeNewEnough() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor)
}

// Node.js keeps what it has compiled, which is half of what a short command costs; cron may start one every minute.
// A cache that cannot be written is left out without a word, as for a user without a home.
function compileCache() {
  try {
    return path.join(cacheDirectory(), 'compiled')
  } catch (error) {
    return dropError(error, 'a user without a home has no cache of compiled code', null)
  }
}

// `holdfast receive` works in the process of its own that is started here: many files are synced at once, and a disk
// that hangs must not take every thread of the pool, whose size can only be given from outside.
/**
 * @param {string} node
 * @param {string} script
 * @param {string[]} words
 * @param {string | null} cache
 */
async function inProcessOfItsOwn(node, script, words, cache) {
  const env = {
    UV_THREADPOOL_SIZE: '128',
    ...(cache === null ? {} : { NODE_COMPILE_CACHE: cache }),
    ...process.env,
  }
  // For core/lib/workers/collect-start.ts.
  return becomes(node, ['--expose-gc', script, ...words], { env })
}

// A warning about the Node.js of whoever typed this, in the middle of an answer, helps nobody: packages bring their own.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
// What messages tell people to type.
process.env.HOLDFAST_COMMAND ??= 'npx holdfast'

await runMain(async () => {
  const words = process.argv.slice(2)
  const node = await ensureNode()
  const { script, isBuilt } = await commandScript(node)
  const cache = compileCache()
  if (!isBuilt || !SHORT.has(words[0] ?? '') || !isNodeNewEnough())
    return inProcessOfItsOwn(node, script, words, cache)
  if (cache !== null) nodeModule.enableCompileCache?.(cache)
  process.argv[1] = script
  await import(pathToFileURL(script).href)
  return process.exitCode
})
