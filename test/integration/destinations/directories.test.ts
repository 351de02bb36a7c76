import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openLibrary } from '../../../core/backends/open.ts'
import { restoreFrom } from '../../../core/restore/restore.ts'
import { encryptedKind, hiddenKind } from '../../support/destinations/encrypted-kind.ts'
import { folderKind } from '../../support/destinations/folder-kind.ts'
import { receiverKind } from '../../support/destinations/receiver-kind.ts'
import { s3Kind } from '../../support/destinations/s3-kind.ts'
import { sftpKind } from '../../support/destinations/sftp-kind.ts'
import { webdavKind } from '../../support/destinations/webdav-kind.ts'
import { chooseLength } from '../../support/long.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  createRandom,
  DESTINATION,
  digestFile,
  makeHome,
  newSeed,
  offerAll,
  senderConfig,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'

/** Beyond any limit of a group: the most files of a batch, and the most directories of a frame. */
const DIRECTORIES = chooseLength(600, 5_000)
/** Where only files' metadata are kept, no group has a limit. */
const FEW = chooseLength(60, 5_000)
const LONG_MS = chooseLength(90_000, 900_000)
vi.setConfig({ testTimeout: 2 * LONG_MS, hookTimeout: LONG_MS })

const { signal } = new AbortController()
const servers = [sftpKind, s3Kind('ceph'), webdavKind]
/** What a kind keeps (docs/restore.md): only receivers and folders have metadata of directories, and SFTP no sticky bits. */
const kinds = [receiverKind, folderKind, hiddenKind(folderKind), ...servers, encryptedKind(sftpKind)].map(
  (kind, index) => ({
    ...{ kind, name: kind.name, hasDirectories: index < 3 },
    modes: kind.name.startsWith('sftp') ? 0o777n : 0o7777n,
  }),
)
type Kept = Pick<(typeof kinds)[number], 'kind' | 'hasDirectories' | 'modes'>

beforeAll(() => Promise.all(servers.map((kind) => kind.start?.())))
afterAll(() => Promise.all(servers.map((kind) => kind.stop?.())))

interface Entry {
  mode: string
  mtimeNs: bigint
  content: string | null
}

/** Each file and directory with its mode and time; '' is the tree's own directory. */
function describeTree(root: string, { kind, hasDirectories, modes }: Kept) {
  const names = ['', ...fs.readdirSync(root, { recursive: true, encoding: 'utf8' })].sort()
  return new Map(
    names.flatMap((name): [string, Entry][] => {
      const stats = fs.statSync(path.join(root, name), { bigint: true })
      if (!stats.isFile() && (!hasDirectories || name === '')) return []
      const content = stats.isFile() ? digestFile(path.join(root, name)) : null
      const mode = (stats.mode & modes).toString(8)
      return [[name, { mode, mtimeNs: kind.keepsNs(stats.mtimeNs), content }]]
    }),
  )
}

/** A tree of directories with one file each, some of them below others, with any modes and times. */
function makeTree(root: string, length: number, random: () => number): void {
  const names = Array.from({ length }, (_, index) =>
    index % 3 === 0 ? `top-${index % 7}/deep-${index}` : `flat-${index}`,
  )
  const atRandom = (place: string, base: number) => {
    fs.chmodSync(place, base | Math.floor(random() * 0o2000))
    const seconds = Math.floor(random() * 2 ** 32)
    fs.utimesSync(place, seconds, seconds + Math.floor(random() * 1000) / 1000)
  }
  for (const name of names) {
    writeFile(root, `${name}/file`, randomBytes(Math.floor(random() * 300)))
    atRandom(path.join(root, name, 'file'), 0o400)
    atRandom(path.join(root, name), 0o700)
  }
  for (let index = 0; index < 7; index += 1) atRandom(path.join(root, `top-${index}`), 0o700)
}

describe.each(kinds)('directories at a $name destination', ({ kind, ...kept }) => {
  test('a tree with many new directories has all its modes and times after a restore', async () => {
    const random = createRandom(newSeed(`directories, ${kind.name}`))
    const base = temporaryDirectory('directories')
    const home = await makeHome(path.join(base, 'home'))
    const length = kept.hasDirectories ? DIRECTORIES : FEW
    makeTree(home.source, length, random)
    const expected = describeTree(home.source, { kind, ...kept })
    const place = await kind.open(home)
    const destination = { ...place.settings(), id: DESTINATION }
    const { secrets, identity = null } = place
    offerAll(home)
    const sender = startTestSender()
    const unknown = { port: 1, fingerprint: '0'.repeat(64) }
    sender.configure({ ...senderConfig(home, unknown), destination, secrets })
    await allSent(sender, length, LONG_MS)

    const from = { destination, secrets, identityDirectory: home.identityDirectory, name: 'pc' }
    const library = await openLibrary({ ...from, computer: null, key: identity }, signal)
    const to = path.join(base, 'to')
    const choice = { folder: 'data', path: null, version: null, at: null }
    const told = { event: async () => undefined, progress: () => undefined }
    const wanted = { choice, destination: to, conflict: 'leave' as const }
    const summary = await restoreFrom(library, [wanted], told, signal).finally(() => library.close())
    expect(summary).toMatchObject({ restored: length, failed: 0, undressed: 0 })
    const found = describeTree(to, { kind, ...kept })
    const wrong = [...expected].filter(([name, entry]) => {
      const now = found.get(name)
      return now?.mode !== entry.mode || now.mtimeNs !== entry.mtimeNs || now.content !== entry.content
    })
    expect({ wrong: wrong.length, some: wrong.slice(0, 3), found: found.size }).toEqual({
      ...{ wrong: 0, some: [] },
      found: expected.size,
    })
  })
})
