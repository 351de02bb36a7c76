// Lists the shipped third-party packages: those in the bundles (from the source maps), those shipped from node_modules,
// and Electron.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { inProject, SetupError } from '../setup/project.mjs'
import { LICENCES } from './configuration.mjs'
import { shippedPackages } from './shipped.mjs'

/** Licences that only require attribution. */
const PERMISSIVE = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  // Permissive, approved by the OSI: no condition but its notice (https://blueoakcouncil.org/license/1.0.0).
  'BlueOak-1.0.0',
  'MIT',
  'MIT-0',
  'OFL-1.1',
  'Unlicense',
])

/** The source maps do not include a font's style sheet. */
const NOT_IN_MAPS = ['@fontsource-variable/inter']

/**
 * Returns the names of the packages in these parts of the build.
 * @param {string[]} parts
 */
export async function bundledPackages(parts) {
  const names = new Set()
  for (const part of parts) {
    for (const file of await readdir(inProject('out', part), { recursive: true })) {
      if (!file.endsWith('.map')) continue
      const { sources } = JSON.parse(await readFile(inProject('out', part, file), 'utf8'))
      for (const source of sources) {
        // The innermost package, if one is nested in another.
        const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source ?? '')?.[1]
        if (name !== undefined) names.add(name)
      }
    }
  }
  if (names.size === 0) throw new SetupError('There are no source maps in out/. Run: npm run build')
  return [...names, ...(parts.includes('renderer') ? NOT_IN_MAPS : [])]
}

/**
 * Returns the text of a package's licence; '' if it includes none.
 * @param {string} directory
 */
async function licenceText(directory) {
  const name = (await readdir(directory)).find((entry) => /^licen[cs]e/i.test(entry))
  return name === undefined ? '' : (await readFile(path.join(directory, name), 'utf8')).trim()
}

/**
 * Returns each shipped package with its licence, by name. Throws a SetupError if a licence is not permissive.
 * @typedef {{ name: string, version: string, licence: string, text: string }} Component
 * @returns {Promise<Component[]>}
 */
export async function shippedComponents() {
  const all = [
    ...(await bundledPackages(['main', 'preload', 'renderer'])),
    ...(await shippedPackages()),
    'electron',
  ]
  const components = []
  for (const name of [...new Set(all)].sort()) {
    const directory = inProject('node_modules', name)
    const { version, license, licenses } = JSON.parse(
      await readFile(path.join(directory, 'package.json'), 'utf8'),
    )
    const licence = license ?? licenses?.[0]?.type ?? 'none'
    components.push({ name, version, licence, text: await licenceText(directory) })
  }
  const others = components.filter(({ licence }) => !isPermissive(licence))
  if (others.length > 0) {
    const list = others.map(({ name, licence }) => `${name} (${licence})`).join(', ')
    throw new SetupError(
      `These packages would be shipped, but their licence is not one of the permissive ones: ${list}`,
    )
  }
  return components
}

/**
 * True if at least one licence of a choice ("MIT OR GPL-2.0") is permissive.
 * @param {string} licence
 */
export const isPermissive = (licence) =>
  licence
    .replace(/[()]/g, '')
    .split(' OR ')
    .some((one) => PERMISSIVE.has(one.trim()))

/**
 * Writes the licence file that is shipped.
 * @param {Component[]} components
 */
export async function writeLicences(components) {
  const parts = components.map(
    ({ name, version, licence, text }) => `${name} ${version}: ${licence}\n\n${text}`,
  )
  const line = `\n\n${'-'.repeat(80)}\n\n`
  const text = [
    "Holdfast contains these packages. Chromium's own are in LICENSES.chromium.html.",
    ...parts,
  ].join(line)
  await mkdir(path.dirname(inProject(LICENCES)), { recursive: true })
  await writeFile(inProject(LICENCES), `${text}\n`)
}

/**
 * Returns shipped packages without an integrity hash in the lock file: changed content would not be detected.
 * @param {Pick<Component, 'name'>[]} components
 */
export async function withoutIntegrity(components) {
  const { packages } = JSON.parse(await readFile(inProject('package-lock.json'), 'utf8'))
  return components.map(({ name }) => name).filter((name) => !packages[`node_modules/${name}`]?.integrity)
}
