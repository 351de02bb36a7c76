#!/usr/bin/env node
// Everything that the commands of this project need and that npm alone does not bring. Safe to run at any
// time, and quick when there is nothing to do.
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
 * What to have ready: 'terminal' (Node.js alone: no apt, no Electron), 'display' (to run the application) or
 * 'tests'. Gives the paths that were found or made; `electron` is null for 'terminal'. `servers` resolves when the
 * tests' storage servers are installed, which is under way while other tests run; it rejects with a SetupError.
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
  // The caller awaits them later, and gets their error then.
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
