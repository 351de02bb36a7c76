// Lists the packages of node_modules that are shipped unbundled: native modules, and packages that look for files
// beside themselves. Everything else is bundled into out/ (electron.vite.config.ts).
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { ifMissing, inProject, SetupError } from '../setup/project.mjs'

/** The `external` packages of electron.vite.config.ts on this system. msgpackr is bundled, its native helper is not. */
const ROOTS = ['koffi', '@photostructure/sqlite', '@napi-rs/blake-hash', 'msgpackr-extract', 'ssh2']
/** They compile native code, or are optional: by cpu-features ssh2 only chooses its ciphers. */
const NOT_SHIPPED = new Set(['nan', 'node-addon-api', 'cpu-features'])

/**
 * Returns the sorted names of the packages, with all dependencies that npm installed for the system.
 * @param {string} project its directory node_modules is read.
 */
export async function shippedPackages(project = inProject()) {
  const names = new Set()
  /** @type {(name: string, isOptional: boolean) => Promise<void>} */
  const add = async (name, isOptional) => {
    if (names.has(name) || NOT_SHIPPED.has(name)) return
    const text = await readFile(path.join(project, 'node_modules', name, 'package.json'), 'utf8').catch(
      ifMissing(null),
    )
    if (text === null && isOptional) return
    if (text === null) throw new SetupError(`${name} is not in node_modules. Run: npm ci`)
    names.add(name)
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(text)
    for (const needed of Object.keys({ ...dependencies, ...optionalDependencies }))
      await add(needed, needed in optionalDependencies)
  }
  for (const name of ROOTS) await add(name, false)
  return [...names].sort()
}
