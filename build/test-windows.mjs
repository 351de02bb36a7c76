#!/usr/bin/env node
// `npm run test:windows [-- FILTER…]`: runs the command line by Windows' own Node.js in Wine, on Linux with an x64
// processor. Installs what it needs: Wine from Debian's packages (needs root once), and from the npm registry, into the
// cache, node.exe and the project's dependencies as built for Windows. FILTER selects test files of test/windows.
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { buildCommand } from './setup/command.mjs'
import { ensureNode, lastLine, projectEnvironment } from './setup/node.mjs'
import { inProject, isProgram, projectDirectory, runMain, SetupError, say } from './setup/project.mjs'
import { capture } from './setup/run.mjs'
import { ensurePackages } from './setup/system.mjs'
import { installForWindows } from './setup/windows.mjs'
import { passSignalsOn, runStage } from './test/stage.mjs'

/** Wine 8 of Debian 12 runs no later major version: V8 reserves more address space there than Wine gives. */
const NODE_VERSION = '22.23.3'
const WINE = ['/usr/lib/wine/wine64', '/usr/lib/wine/wine']

async function main() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new SetupError(
      'npm run test:windows runs Windows programs in Wine: run it on Linux with an x64 processor.',
    )
  passSignalsOn()
  const node = await ensureNode()
  await ensurePackages(['wine64'], 'the tests of Windows')
  const wine = WINE.find((file) => existsSync(file))
  if (wine === undefined) throw new SetupError(`Wine is installed, but not at ${WINE.join(' or ')}.`)
  const home = await installForWindows(NODE_VERSION)
  const env = { ...process.env, WINEPREFIX: path.join(home, 'prefix'), ...WINE_ENVIRONMENT }
  await createPrefix(wine, env)
  const build = path.join(home, 'app/cli')
  await rm(build, { recursive: true, force: true })
  await buildCommand(build)
  const vitest = inProject('node_modules/vitest/vitest.mjs')
  const words = ['run', '--project', 'windows', '--no-file-parallelism', ...process.argv.slice(2)]
  try {
    const { status } = await runStage(node, [vitest, ...words], {
      env: { ...projectEnvironment(env), HOLDFAST_WINE: wine, HOLDFAST_WINDOWS: home },
      cwd: projectDirectory,
      minutes: 20,
    })
    return status
  } finally {
    // Ends the processes of this prefix.
    await capture(path.join(path.dirname(wine), 'wineserver'), ['-k'], { env })
  }
}

/** No display, no messages of Wine itself, and neither .NET nor a browser, which it would try to download. */
const WINE_ENVIRONMENT = { DISPLAY: '', WINEDEBUG: '-all', WINEDLLOVERRIDES: 'mscoree,mshtml=' }

/**
 * Creates Wine's own directory, as Windows 10: Node.js refuses to run on the older one that Wine pretends to be.
 * @param {string} wine
 * @param {NodeJS.ProcessEnv} env
 */
async function createPrefix(wine, env) {
  if (existsSync(path.join(env.WINEPREFIX ?? '', 'system.reg'))) return
  say('Setting Wine up ...')
  const version = ['reg', 'add', 'HKEY_CURRENT_USER\\Software\\Wine', '/v', 'Version', '/d', 'win10', '/f']
  for (const words of [['wineboot', '-i'], version]) {
    const { status, stderr } = await capture(wine, words, { env, timeoutMs: 300_000 })
    if (status !== 0) throw new SetupError(`Wine does not start here ("${words[0]}"). ${lastLine(stderr)}`)
  }
}

if (isProgram(import.meta.url)) await runMain(main)
