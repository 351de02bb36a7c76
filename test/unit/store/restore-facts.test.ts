import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { buildFacts, computeDigest } from '../../support/store/file-facts.ts'
import { smallFile } from '../../support/store/large-files.ts'
import { openRestoring } from '../../support/store/restoring.ts'

const MIB = 1024 * 1024
const isLinux = process.platform === 'linux'
const isRoot = process.getuid?.() === 0
const YEAR_2001 = 1_000_000_000n * 1_000_000_000n

const factsAt = (file: string) => {
  const { mode, mtimeNs, uid, gid } = fs.statSync(file, { bigint: true })
  return {
    mode: Number(mode & 0o7777n).toString(8),
    mtimeNs,
    owner: isRoot ? [Number(uid), Number(gid)] : null,
  }
}

test('restored files: mode, sticky bit, time and owner are restored, set-user-ID and set-group-ID are not', async () => {
  const { base, put, restore } = await openRestoring()
  const mtimeNs = YEAR_2001 + 123_456_789n
  await put('tool', '#!', { mode: 0o6755, mtimeNs, user: 1234, group: 4321 })
  await put('closed', 'secret', { mode: 0o000, mtimeNs: -1_500_000_000n })
  await put('sticky', 'x', { mode: 0o1640, mtimeNs })
  const to = path.join(base, 'to')
  expect((await restore(to)).summary).toMatchObject({ restored: 3, undressed: 0 })
  if (isLinux) expect(factsAt(path.join(to, 'pc/data/sticky')).mode).toBe('1640')
  const owner = isRoot ? [1234, 4321] : null
  expect(factsAt(path.join(to, 'pc/data/tool'))).toEqual({ mode: '755', mtimeNs, owner })
  expect(factsAt(path.join(to, 'pc/data/closed'))).toMatchObject({ mode: '0', mtimeNs: -1_500_000_000n })
})

test('restored directories: mode, sticky bit, time and owner are restored; existing directories stay unchanged', async () => {
  const { base, store, source, restore } = await openRestoring()
  const directory = (name: string, mode: number, seconds: number) => ({
    source: source.id,
    path: name,
    facts: buildFacts(0, { mode, mtimeNs: BigInt(seconds) * 1_000_000_000n, user: 7, group: 8 }),
  })
  const directories = [
    directory('', 0o2750, 1_000),
    directory('a', 0o500, 2_000),
    directory('a/b', 0o1777, 3_000),
  ]
  const files = ['a/b/file', 'a/c/file', 'z'].map((name) => smallFile(source, name, Buffer.from(name)))
  let left = files.length
  await new Promise<void>((resolve) =>
    store.receiveAll(files, {
      directories,
      onWritten: () => undefined,
      onStored() {
        left -= 1
        if (left === 0) resolve()
      },
    }),
  )
  const to = path.join(base, 'to')
  expect((await restore(to)).summary).toMatchObject({ restored: 3, undressed: 0 })
  const owner = isRoot ? [7, 8] : null
  const at = (name: string) => factsAt(path.join(to, 'pc/data', name))
  expect(at('')).toEqual({ mode: isRoot ? '2750' : '750', mtimeNs: 1_000_000_000_000n, owner })
  expect(at('a')).toEqual({ mode: '500', mtimeNs: 2_000_000_000_000n, owner })
  expect(at('a/b')).toEqual({ mode: '1777', mtimeNs: 3_000_000_000_000n, owner })
  // Nobody has told what this one was: it is closed to others.
  expect(at('a/c').mode).toBe('700')

  const other = path.join(base, 'other')
  fs.mkdirSync(path.join(other, 'pc/data/a/b'), { recursive: true, mode: 0o711 })
  expect((await restore(other)).summary).toMatchObject({ restored: 3 })
  expect(factsAt(path.join(other, 'pc/data/a/b')).mode).toBe('711')
})

test.skipIf(!isLinux)(
  'restored files: user attributes are restored, system attributes are not (Linux)',
  async () => {
    const { base, put, restore } = await openRestoring()
    const attributes = { 'user.origin': Buffer.from('scanner 一'), 'user.empty': Buffer.alloc(0) }
    await put('good', 'x', { more: { attributes } })
    await put('evil', 'x', { more: { attributes: { 'security.capability': Buffer.alloc(20, 1) } } })
    const to = path.join(base, 'to')
    // What could not be set is counted, and the file is there all the same.
    expect((await restore(to)).summary).toMatchObject({ restored: 2, undressed: 1 })
    const { readAttributes } = await import('../../../core/platform/libc.ts')
    const said = (name: string) => {
      const fd = fs.openSync(path.join(to, 'pc/data', name), 'r')
      try {
        return readAttributes(fd)
      } finally {
        fs.closeSync(fd)
      }
    }
    expect([said('good'), said('evil')]).toEqual([attributes, null])
  },
)

test('restored files: holes take no disk space, in a small file as in a large one', async () => {
  const { base, store, source, put, restore } = await openRestoring()
  const more = { sparse: true } as const
  const small = Buffer.concat([Buffer.from('beginning'), Buffer.alloc(MIB / 2), Buffer.from('end')])
  await put('small', small, { more })
  const part = Buffer.alloc(MIB / 4, 7)
  const content = Buffer.concat([part, Buffer.alloc(16 * MIB), part, Buffer.alloc(4 * MIB)])
  const facts = buildFacts(content.length, { more })
  const file = store.begin({ source, path: 'large', facts, session: null }, {})
  for (const piece of [part, 16 * MIB, part, 4 * MIB]) await file.write(piece)
  expect((await file.finish(computeDigest(content))).status).toBe('durable')
  const to = path.join(base, 'to')
  expect((await restore(to)).summary).toMatchObject({ restored: 2, failed: 0 })
  for (const [name, bytes] of [
    ['small', small],
    ['large', content],
  ] as const)
    for (const at of ['store/pc/data', 'to/pc/data']) {
      const found = path.join(base, at, name)
      expect(fs.readFileSync(found).equals(bytes), found).toBe(true)
      expect(fs.statSync(found).blocks * 512, found).toBeLessThan(MIB)
    }
})
