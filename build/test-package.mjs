#!/usr/bin/env node
// `npm run test:package`: tests the Debian packages, each in a clean Debian: the desktop package with the mouse as an
// ordinary user, the command line's services under a separate systemd; then removes both. Needs root and Debian's
// mirror; takes some minutes.
import { projectEnvironment } from './setup/node.mjs'
import { inProject, isProgram, projectDirectory, runMain, SetupError } from './setup/project.mjs'
import { cleanRootPackages, ensurePackages } from './setup/system.mjs'
import { setup } from './setup.mjs'
import { runStage } from './test/stage.mjs'

async function main() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new SetupError('npm run test:package mounts a Debian of its own: run it on Linux as root.')
  const { node, electron } = await setup('tests')
  await ensurePackages(cleanRootPackages, 'a clean Debian')
  const env = { ...projectEnvironment(), ELECTRON_OVERRIDE_DIST_PATH: electron.directory }
  const run = async (/** @type {string[]} */ ...words) =>
    (await runStage(node, words, { env, cwd: projectDirectory, minutes: 20 })).status
  for (const what of ['deb', 'cli']) {
    const built = await run(inProject('build/package.mjs'), what)
    if (built !== 0) return built
  }
  const vitest = inProject('node_modules/vitest/vitest.mjs')
  return run(vitest, 'run', '--project', 'package', '--no-file-parallelism')
}

if (isProgram(import.meta.url)) await runMain(main)
