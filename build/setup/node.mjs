// The project's Node.js, from the npm package `node`: the same version on every machine.
import { existsSync } from 'node:fs'
import path from 'node:path'
import { inProject, SetupError, say } from './project.mjs'
import { capture } from './run.mjs'

const binary = () => inProject('node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node')

/** Returns the absolute path of the project's Node.js; null if it is not installed. */
export function installedNode() {
  return existsSync(binary()) ? binary() : null
}

/** As `installedNode`, but installs it if npm was run without install scripts. */
export async function ensureNode() {
  const node = installedNode()
  if (node !== null) return node
  if (!existsSync(inProject('node_modules/node/package.json'))) {
    throw new SetupError(
      `${inProject('node_modules')} is not complete. Run "npm ci" in ${inProject()} first.`,
    )
  }
  say('Installing the Node.js of this project (npm rebuild node) ...')
  const npm = npmCommand()
  const { status, stderr } = await capture(npm.command, [...npm.args, 'rebuild', 'node'], {
    cwd: inProject(),
    timeoutMs: 300_000,
  })
  if (installedNode() === null) {
    throw new SetupError(
      `The Node.js of this project could not be installed: "npm rebuild node" ended with ${status}. ` +
        `${lastLine(stderr)} Run it in ${inProject()} and see what it says.`,
    )
  }
  return binary()
}

/** Returns the command of the npm that runs this script, else of the one on the PATH. */
export function npmCommand(environment = process.env) {
  const script = environment.npm_execpath
  if (script?.endsWith('.js') && existsSync(script)) return { command: process.execPath, args: [script] }
  return { command: process.platform === 'win32' ? 'npm.cmd' : 'npm', args: [] }
}

/**
 * Returns an environment in which `node` and the tools are the project's. Its PATH includes root's tools (mkfs, mount):
 * `su` without a login keeps the PATH of an ordinary user.
 */
export function projectEnvironment(environment = process.env) {
  const given = (environment.PATH ?? '').split(path.delimiter).filter(Boolean)
  const system = process.platform === 'win32' ? [] : ['/usr/sbin', '/sbin']
  const wanted = [inProject('node_modules/.bin'), ...given, ...system.filter((one) => !given.includes(one))]
  return { ...environment, PATH: wanted.join(path.delimiter) }
}

/**
 * Returns the last line with content, for a short message.
 * @param {string} text
 */
export function lastLine(text) {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return (lines.at(-1) ?? '').trim().slice(0, 500)
}
