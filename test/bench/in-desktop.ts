import { spawnSync } from 'node:child_process'
import path from 'node:path'

const project = path.resolve(import.meta.dirname, '../..')

/** Benchmarks of the application need it built, and the tests' desktop: runs this same command again in one. */
export function requireDesktop(): void {
  if (process.env.HOLDFAST_DESKTOP !== undefined) return
  run(process.execPath, [path.join(project, 'build/setup.mjs'), '--tests'])
  run(process.execPath, [path.join(project, 'node_modules/electron-vite/bin/electron-vite.js'), 'build'])
  const desktop = path.join(project, 'test/support/desktop/desktop.sh')
  const { status } = spawnSync(desktop, [process.execPath, ...process.argv.slice(1)], { stdio: 'inherit' })
  process.exit(status ?? 1)
}

function run(command: string, words: string[]): void {
  const { status } = spawnSync(command, words, { cwd: project, stdio: ['ignore', 2, 2] })
  if (status !== 0) process.exit(status ?? 1)
}
