#!/usr/bin/env node
// Completes package-lock.json after `npm install` on a machine whose registry does not serve every package.
//
// npm leaves optional packages that it cannot find (mostly binaries for other systems) out of the lock file, and
// `npm ci` then refuses this file: "Missing: NAME@ from lock file". An entry with the version that the parent
// requires fixes it; npm skips packages for other systems. Only exact versions can be completed.
//
//   node build/complete-lock.mjs [FILE]        default: package-lock.json of this checkout
import { readFile, writeFile } from 'node:fs/promises'
import { inProject, isProgram, runMain, say } from './setup/project.mjs'

/**
 * Returns the platforms that the name of a platform package stands for.
 * @param {string} name
 */
function parsePlatform(name) {
  const os = /(android|darwin|linux|win32|freebsd|openharmony)/.exec(name)?.[1]
  const cpu = /(arm64|x64|arm|ia32|riscv64|s390x|ppc64)/.exec(
    os === undefined ? '' : (name.split(os)[1] ?? ''),
  )?.[1]
  return {
    ...(os === undefined ? {} : { os: [os] }),
    ...(cpu === undefined ? {} : { cpu: [cpu] }),
    ...(name.endsWith('-musl') ? { libc: ['musl'] } : {}),
  }
}

/**
 * Returns the entries to add: optional packages that a lock file names but has no entry for. Pure.
 * @typedef {{ version?: string, dev?: boolean, optionalDependencies?: Record<string, string> }} LockEntry
 * @param {{ packages: Record<string, LockEntry> }} lock
 */
export function missingEntries(lock) {
  /** @type {Record<string, object>} */
  const missing = {}
  for (const [place, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const known = [`${place}/node_modules/${name}`, `node_modules/${name}`].some(
        (at) => at in lock.packages,
      )
      if (place === '' || known || !/^\d+\.\d+\.\d+/.test(version)) continue
      const dev = entry.dev ? { dev: true } : {}
      missing[`node_modules/${name}`] = { version, ...dev, optional: true, ...parsePlatform(name) }
    }
  }
  return missing
}

async function main() {
  const file = process.argv[2] ?? inProject('package-lock.json')
  const lock = JSON.parse(await readFile(file, 'utf8'))
  const missing = missingEntries(lock)
  const entries = Object.entries({ ...lock.packages, ...missing })
  entries.sort(([one], [other]) => (one === '' ? -1 : other === '' ? 1 : one.localeCompare(other, 'en')))
  lock.packages = Object.fromEntries(entries)
  if (Object.keys(missing).length > 0) await writeFile(file, `${JSON.stringify(lock, null, 2)}\n`)
  say(`${file}: ${Object.keys(missing).length} entries added`)
  return 0
}

if (isProgram(import.meta.url)) await runMain(main)
