#!/usr/bin/env node
// `npm run test:package`: the Debian package, installed into a clean Debian, used with the mouse by an ordinary user,
// and removed. Needs root and Debian's mirror; takes some minutes.
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
  const run = (...words) => runStage(node, words, { env, cwd: projectDirectory, minutes: 20 })
  const built = await run(inProject('build/package.mjs'), 'deb')
  if (built !== 0) return built
  return run(inProject('node_modules/vitest/vitest.mjs'), 'run', '--project', 'package')
}

if (isProgram(import.meta.url)) await runMain(main)
