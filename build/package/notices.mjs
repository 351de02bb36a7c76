// Collects the licences of everything in a package of the command line.
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { inProject, SetupError } from '../setup/project.mjs'
import { bundledPackages } from './components.mjs'

const LICENCE_FILE = /^(licen[cs]e|copying|notice)([.-].*)?$/i

/**
 * Returns the licence of the Node.js binary and its linked libraries, which the npm package `node` omits. It is kept in
 * this repository, per major version.
 * @param {string} version
 */
async function nodeLicence(version) {
  const file = `build/package/licences/node-v${version.split('.')[0]}.txt`
  return readFile(inProject(file), 'utf8').catch(() => {
    throw new SetupError(`${file} is not there: it is the LICENSE of Node.js ${version}.`)
  })
}

/** @param {string} directory */
async function readNotice(directory) {
  const manifest = JSON.parse(
    await readFile(path.join(directory, 'package.json'), 'utf8').catch(() => 'null'),
  )
  // The package is for another system.
  if (manifest === null) return null
  const names = (await readdir(directory)).filter((name) => LICENCE_FILE.test(name)).sort()
  const texts = names.map((name) => readFile(path.join(directory, name), 'utf8'))
  if (manifest.name === 'node') texts.push(nodeLicence(manifest.version))
  const licence = manifest.license?.type ?? manifest.license ?? 'see its page'
  return [`${manifest.name} ${manifest.version}: ${licence}`, ...(await Promise.all(texts))]
    .map((text) => text.trim())
    .join('\n\n')
}

/**
 * Returns Holdfast's own licence, then each dependency, also of the web page, with its licence texts.
 * @param {string} project its directory node_modules has the dependencies.
 */
export async function notices(project = inProject()) {
  const own = await readFile(inProject('LICENSE'), 'utf8')
  const lock = JSON.parse(await readFile(inProject('package-lock.json'), 'utf8'))
  const needed = Object.entries(lock.packages).filter(([place, entry]) => place !== '' && entry.dev !== true)
  const inPage = (await bundledPackages(['renderer'])).map((name) => `node_modules/${name}`)
  const places = new Map([
    ...inPage.map((place) => /** @type {const} */ ([place, inProject(place)])),
    ...needed.map(([place]) => /** @type {const} */ ([place, path.join(project, place)])),
  ])
  const found = await Promise.all(
    [...places.keys()].sort().map((place) => readNotice(places.get(place) ?? '')),
  )
  const rule = `\n\n${'-'.repeat(78)}\n\n`
  return `${[own.trim(), ...found.filter((text) => text !== null)].join(rule)}\n`
}
