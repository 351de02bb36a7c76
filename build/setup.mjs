#!/usr/bin/env node
// Installs everything that the project's commands need and that npm alone does not provide. Safe to run at any time,
// and quick if nothing is missing.
//
//   node build/setup.mjs            Node.js
//   node build/setup.mjs --display  … and Electron with its system libraries
//   node build/setup.mjs --tests    … and the desktop and tools of the tests
//   node build/setup.mjs --print-electron   Electron alone; prints its executable on standard output
import { ensureElectron } from './setup/electron.mjs'
import { ensureNode } from './setup/node.mjs'
import { isProgram, runMain, SetupError, say } from './setup/project.mjs'
import { electronPackages, ensurePackages, ensureServers, testPackages } from './setup/system.mjs'

/**
 * Prepares a level: 'terminal' (Node.js only: no apt, no Electron), 'display' (to run the application) or 'tests'.
 * Returns the paths; `electron` is null for 'terminal'. `servers` resolves when the tests' storage servers are
 * installed, which continues while other tests run; it rejects with a SetupError.
 * @template {'terminal' | 'display' | 'tests'} Level
 * @param {Level} level
 * @returns {Promise<Ready<Level extends 'terminal' ? null : import('./setup/electron.mjs').Electron>>}
 */
export async function setup(level) {
  const found = await findAll(level)
  return /** @type {any} */ (found)
}

/**
 * @template Electron
 * @typedef {{ node: string, electron: Electron, servers: Promise<void> }} Ready
 *
 * @param {'terminal' | 'display' | 'tests'} level
 */
async function findAll(level) {
  const node = await ensureNode()
  if (level === 'terminal') return { node, electron: null, servers: Promise.resolve() }
  if (process.platform === 'linux') {
    if (level === 'tests') await ensurePackages([...electronPackages, ...testPackages], 'the tests')
    else await ensurePackages(electronPackages, 'the window')
  }
  const electron = await ensureElectron(node, level === 'tests')
  const servers = level === 'tests' && process.platform === 'linux' ? ensureServers() : Promise.resolve()
  // Prevents an unhandled rejection: the caller awaits the promise later.
  void Promise.allSettled([servers])
  return { node, electron, servers }
}

/** @type {Record<string, 'display' | 'tests'>} */
const levels = { '--display': 'display', '--tests': 'tests' }

async function main() {
  if (process.argv[2] === '--print-electron') {
    process.stdout.write(`${(await ensureElectron(await ensureNode())).executable}\n`)
    return 0
  }
  const words = process.argv.slice(2)
  const level = words.length === 0 ? 'terminal' : levels[words[0] ?? '']
  if (level === undefined || words.length > 1) {
    throw new SetupError('usage: node build/setup.mjs [--display | --tests | --print-electron]')
  }
  const { node, electron, servers } = await setup(level)
  await servers
  say(`Node.js: ${node}`)
  if (electron !== null) say(`Electron ${electron.version}: ${electron.executable}`)
  return 0
}

if (isProgram(import.meta.url)) await runMain(main)
