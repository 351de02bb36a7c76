// Downloads the official binary into node_modules/electron/dist, as the electron package's installer would, but
// atomically (unpacked elsewhere, then renamed) and with a timeout if no data arrives.
// Runs under the project's Node.js, which the libraries of the electron package need.
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { executableName } from './official.mjs'
import { inProject } from './project.mjs'

/** Timeout without data, after which the server counts as unreachable. */
const PATIENCE_MS = 15_000

const packageDirectory = inProject('node_modules/electron')
const fromElectron = createRequire(path.join(packageDirectory, 'package.json'))
/** @param {string} name */
const load = (name) => import(pathToFileURL(fromElectron.resolve(name)).href)
/** @param {string} name */
const readJson = async (name) => JSON.parse(await readFile(path.join(packageDirectory, name), 'utf8'))

async function fetchArchive() {
  const { downloadArtifact } = await load('@electron/get')
  const { version } = await readJson('package.json')
  const silence = new AbortController()
  const giveUp = () => silence.abort(new Error(`nothing arrived for ${PATIENCE_MS / 1000} s`))
  let patience = setTimeout(giveUp, PATIENCE_MS)
  try {
    return await downloadArtifact({
      version,
      artifactName: 'electron',
      platform: process.platform,
      arch: process.arch,
      cacheRoot: process.env.electron_config_cache,
      checksums: await readJson('checksums.json'),
      downloadOptions: {
        signal: silence.signal,
        getProgressCallback: async () => {
          clearTimeout(patience)
          patience = setTimeout(giveUp, PATIENCE_MS)
        },
      },
    })
  } finally {
    clearTimeout(patience)
  }
}

async function main() {
  const archive = await fetchArchive()
  const { extract } = await load('@electron-internal/extract-zip')
  const aside = path.join(packageDirectory, `dist-${process.pid}-${randomBytes(4).toString('hex')}`)
  const final = path.join(packageDirectory, 'dist')
  try {
    await mkdir(aside)
    await extract(archive, { dir: aside })
    // The existing directory is incomplete or another version, otherwise this script would not run.
    await rm(final, { recursive: true, force: true })
    await rename(aside, final)
    await writeFile(path.join(packageDirectory, 'path.txt'), executableName())
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

main().catch((thrown) => {
  const cause = thrown?.cause?.message ?? thrown?.cause?.code
  process.stderr.write(`${thrown?.message ?? thrown}${cause ? ` (${cause})` : ''}\n`)
  process.exit(1)
})
