// The packages of node_modules that are shipped as they are: native modules, and what looks for files beside itself.
// Everything else is bundled into out/ (electron.vite.config.ts).
import { readFile } from 'node:fs/promises'
import { ifMissing, inProject, SetupError } from '../setup/project.mjs'

/** What `external` of electron.vite.config.ts names on this system; msgpackr asks for its helper by itself. */
const ROOTS = ['koffi', '@photostructure/sqlite', '@napi-rs/blake-hash', 'msgpackr-extract', 'ssh2']
/** Asked for by a package that could be compiled with it, never at run time. */
const FOR_COMPILERS = new Set(['nan', 'node-addon-api', 'cpu-features'])

/** Their names in order, with everything that they need on the system that npm installed them for. */
export async function shippedPackages() {
  const names = new Set()
  /** @type {(name: string, isOptional: boolean) => Promise<void>} */
  const add = async (name, isOptional) => {
    if (names.has(name) || FOR_COMPILERS.has(name)) return
    const text = await readFile(inProject('node_modules', name, 'package.json'), 'utf8').catch(
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
