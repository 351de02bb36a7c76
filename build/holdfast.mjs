#!/usr/bin/env node
// The `holdfast` command, which runs on whatever Node.js npx or a shell starts this file with.
import * as nodeModule from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { tryBuilding } from './setup/application.mjs'
import { commandScript } from './setup/command.mjs'
import { CHECK_FLAG, CHECK_NAMES, GUARD } from './setup/guard.mjs'
import { ensureNode } from './setup/node.mjs'
import { cacheDirectory, dropError, runMain } from './setup/project.mjs'
import { runInForeground } from './setup/run.mjs'

// Short commands only read and query: they run in this process, as starting another one would take longer than the
// command itself.
const SHORT = new Set(
  '--help --version status why folders failures channels stations report history changes settings destinations computers disks'.split(
    ' ',
  ),
)
/** The oldest Node.js that the build runs on: that of Electron 33. */
const OLDEST = { major: 20, minor: 18 }

function isNodeNewEnough() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const isNew = major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor)
  // Missing in Node.js 21 and 22.0 to 22.2; used by the build (build/setup/bundle.mjs).
  return isNew && process.getBuiltinModule !== undefined
}

/**
 * True for commands after which people open the page that the agent serves: it is part of the built application.
 * @param {string[]} words
 */
function needsPage(words) {
  if (words.includes('--help') || words.includes('-h')) return false
  const line = words.join(' ')
  return line.startsWith('agent') ? process.stdout.isTTY : /^(settings )?web (on|link(?! off))\b/.test(line)
}

// The compile cache of Node.js halves the time of a short command; cron may start one every minute. A cache that cannot
// be written is silently left out, as for a user without a home directory.
function compileCache() {
  try {
    return path.join(cacheDirectory(), 'compiled')
  } catch (error) {
    return dropError(error, 'a user without a home has no cache of compiled code', null)
  }
}

// `holdfast receive` does not run in this process: many files are synced at once, and a hanging disk must not block every
// thread of the pool, whose size can only be set in the environment of a new process. Each other command needs few
// threads: all of them are created at the first use.
/**
 * @param {string} node
 * @param {string} script
 * @param {string[]} words
 * @param {string | null} cache
 */
async function inProcessOfItsOwn(node, script, words, cache) {
  const isCheck = CHECK_NAMES.includes(words[0] ?? '')
  const env = {
    UV_THREADPOOL_SIZE: isCheck ? '576' : words[0] === 'receive' ? '128' : '16',
    ...(cache === null ? {} : { NODE_COMPILE_CACHE: cache }),
    // As for the workers: core/agent/workers/starter.ts.
    MALLOC_ARENA_MAX: '2',
    ...process.env,
  }
  if (!isCheck) return runInForeground(node, [script, ...words], { env })
  const program = [CHECK_FLAG, script, ...words]
  if (process.platform === 'win32') return runInForeground(node, program, { env })
  return runInForeground('/bin/sh', ['-c', GUARD, 'holdfast', node, ...program], { env })
}

// Suppresses the AWS SDK's warning about the user's Node.js in the middle of the output: packages include their own.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
// Messages quote this as the command to run.
process.env.HOLDFAST_COMMAND ??= 'npx holdfast'

await runMain(async () => {
  const words = process.argv.slice(2)
  const node = await ensureNode()
  const { script, isBuilt } = await commandScript(node)
  const cache = compileCache()
  if (isBuilt && needsPage(words)) await tryBuilding(node)
  if (!isBuilt || !SHORT.has(words[0] ?? '') || !isNodeNewEnough())
    return inProcessOfItsOwn(node, script, words, cache)
  if (cache !== null) nodeModule.enableCompileCache?.(cache)
  process.argv[1] = script
  await import(pathToFileURL(script).href)
  return process.exitCode
})
