import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { outcomeOf } from '../../../core/receive/file-refused.ts'
import { CODE_ATTEMPTS, makeCode, redeemCode } from '../../../core/receive/pairing/codes.ts'
import { reachableHost } from '../../../core/receive/pairing/invitation.ts'
import { freeFolder, openSenders } from '../../../core/receive/senders/senders.ts'
import { openStore } from '../../../core/receive/store/store.ts'
import { compareVersions } from '../../../core/receive/versions/name.ts'
import { digestOf, factsOf } from '../../support/file-facts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { treeOf } from '../../support/transfer.ts'

function open() {
  const root = temporaryDirectory('store')
  const store = openStore(root)
  onTestFinished(() => store.close())
  const receive = (name: string, text: string) => {
    const bytes = Buffer.from(text)
    return store.receive(factsOf(name, bytes.length), bytes, digestOf(bytes))
  }
  const stored = () => treeOf(path.join(root, 'pc', 'data'))
  const versions = () => treeOf(path.join(root, '.holdfast', 'versions', 'pc', 'data'))
  return { root, store, receive, stored, versions }
}

const durable = { status: 'durable', detail: '' }

describe('store', () => {
  test('a file arrives with its time and mode; the same again is recognised', async () => {
    const { root, receive, versions } = open()
    expect(await receive('a/b/c', 'text')).toEqual(durable)
    const stats = fs.statSync(path.join(root, 'pc/data/a/b/c'))
    expect([stats.mtimeMs, stats.mode & 0o777]).toEqual([1_600_000_000_500, 0o640])
    expect(await receive('a/b/c', 'text')).toEqual({ status: 'same', detail: '' })
    expect(versions()).toEqual({})
    expect(treeOf(path.join(root, '.holdfast', 'tmp'))).toEqual({})
  })

  test('a file that its owner may not read can be read in the store', async () => {
    const { root, store } = open()
    const secret = { ...factsOf('secret', 4), mode: 0o022 }
    expect(await store.receive(secret, Buffer.from('text'), digestOf(Buffer.from('text')))).toEqual(durable)
    expect(fs.statSync(path.join(root, 'pc/data/secret')).mode & 0o777).toBe(0o422)
  })

  test('every replaced content is kept, also when many come at once for one place', async () => {
    const { receive, stored, versions } = open()
    const texts = Array.from({ length: 20 }, (_, index) => `content ${index}`)
    const outcomes = await Promise.all(texts.map((text) => receive('x', text)))
    expect(outcomes.every(({ status }) => status === 'durable')).toBe(true)
    const kept = new Set([...Object.values(versions()), ...Object.values(stored())])
    expect(kept.size).toBe(20)
    expect(Object.keys(stored())).toEqual(['x'])
  })

  test('versions are in their order where the clock was set back between two', async () => {
    const { root, receive } = open()
    const now = Date.now
    for (const text of ['one', 'two', 'three']) await receive('x', text)
    vi.spyOn(Date, 'now').mockImplementation(() => now() - 365 * 86_400_000)
    onTestFinished(() => void vi.restoreAllMocks())
    for (const text of ['four', 'five']) await receive('x', text)
    const kept = path.join(root, '.holdfast/versions/pc/data/x')
    const oldestFirst = fs.readdirSync(kept).sort(compareVersions)
    const texts = oldestFirst.map((name) => fs.readFileSync(path.join(kept, name), 'utf8'))
    expect(texts).toEqual(['one', 'two', 'three', 'four'])
  })

  test('a file where a directory has to be, and the reverse, moves to the versions', async () => {
    const { receive, stored, versions } = open()
    await receive('a', 'file')
    expect(await receive('a/b', 'below')).toEqual(durable)
    expect(Object.keys(stored())).toEqual(['a/b'])
    expect(await receive('a', 'file again')).toEqual(durable)
    expect(Object.keys(stored())).toEqual(['a'])
    expect(
      Object.keys(versions())
        .map((name) => name.replace(/\d{8}T[\d.]+Z/, 'TIME'))
        .sort(),
    ).toEqual(['a/TIME', 'a/TIME/b'])
  })

  test('a large file in pieces; a wrong digest, a wrong length or an abort leave nothing', async () => {
    const { root, store, stored } = open()
    const bytes = Buffer.from('abcdefgh')
    const send = async (name: string, size: number, digest: Buffer) => {
      const file = store.begin(factsOf(name, size))
      void file.write(bytes.subarray(0, 3))
      await file.write(bytes.subarray(3))
      return file.finish(digest)
    }
    expect(await send('good', 8, digestOf(bytes))).toEqual(durable)
    expect((await send('flipped', 8, digestOf(Buffer.from('other')))).status).toBe('digest')
    expect((await send('short', 9, digestOf(bytes))).status).toBe('digest')
    expect((await send('long', 7, digestOf(bytes))).status).toBe('digest')
    expect((await send('../up', 8, digestOf(bytes))).status).toBe('name')
    const half = store.begin(factsOf('half', 8))
    await half.write(bytes)
    await half.abort()
    expect((await send('huge', 2 ** 50, digestOf(bytes))).status).toBe('full')
    expect(Object.keys(stored())).toEqual(['good'])
    expect(treeOf(path.join(root, '.holdfast', 'tmp'))).toEqual({})
  })

  test('a directory that is removed by somebody is made again', async () => {
    const { root, receive, stored } = open()
    await receive('a/one', '1')
    fs.rmSync(path.join(root, 'pc'), { recursive: true })
    expect(await receive('a/two', '2')).toEqual(durable)
    expect(Object.keys(stored())).toEqual(['a/two'])
  })

  test.each([
    ['ENOSPC', 'full'],
    ['EDQUOT', 'full'],
    ['EROFS', 'readOnly'],
    ['ENAMETOOLONG', 'name'],
    ['EIO', 'failed'],
    ['EACCES', 'failed'],
  ])('%s is told as %s', (code, status) => {
    expect(outcomeOf(Object.assign(new Error('x'), { code })).status).toBe(status)
  })
})

describe('pairing codes', () => {
  const makeOne = async () => {
    const directory = path.join(temporaryDirectory('codes'), 'codes')
    const secret = await makeCode(directory, 0)
    const redeem = (now = 1, given = secret) => redeemCode(directory, given, now, async () => 'paired')
    return { directory, secret, redeem }
  }

  test('a code works once', async () => {
    const { directory, secret, redeem } = await makeOne()
    expect(
      fs
        .readdirSync(directory)
        .map((name) => fs.readFileSync(path.join(directory, name), 'utf8'))
        .join(),
    ).not.toContain(secret)
    expect(await redeem()).toBe('paired')
    expect(await redeem()).toBeNull()
    expect(fs.readdirSync(directory)).toEqual([])
  })

  test.each([
    ['after fifteen minutes', 15 * 60_000],
    ['once the clock was set back to before it was made', -1],
  ])('a code is over %s, and is removed', async (_when, now) => {
    const { directory, redeem } = await makeOne()
    expect(await redeem(now)).toBeNull()
    expect(fs.readdirSync(directory)).toEqual([])
  })

  test('four wrong ones leave it good, the fifth spoils it', async () => {
    for (const [wrong, works] of [
      [CODE_ATTEMPTS - 1, 'paired'],
      [CODE_ATTEMPTS, null],
    ] as const) {
      const { redeem } = await makeOne()
      for (let count = 0; count < wrong; count += 1) expect(await redeem(1, 'wrong')).toBeNull()
      expect(await redeem()).toBe(works)
    }
  })

  test('a code that cannot be read now is told and stays; one that is none goes', async () => {
    const { directory, redeem } = await makeOne()
    const [name = ''] = fs.readdirSync(directory)
    const file = path.join(directory, name)
    fs.renameSync(file, `${file}.good`)
    // A link to itself: reading it fails, and says nothing of what is there.
    fs.symlinkSync(name, file)
    fs.writeFileSync(path.join(directory, 'none.json'), 'nonsense')
    await expect(redeem()).rejects.toMatchObject({ code: 'ELOOP' })
    expect(fs.readdirSync(directory).sort()).toEqual([name, `${name}.good`])
    fs.renameSync(`${file}.good`, file)
    expect(await redeem()).toBe('paired')
  })

  test('a code is good again if what it was given for fails, and not if its process ends in the middle', async () => {
    const { directory, secret, redeem } = await makeOne()
    const failing = () => Promise.reject(new Error('full'))
    await expect(redeemCode(directory, secret, 1, failing)).rejects.toThrow('full')
    await expect(
      redeemCode(directory, secret, 1, async () => {
        expect(fs.readdirSync(directory)).toEqual([expect.stringMatching(/\.json\.spent$/)])
        expect(await redeem()).toBeNull()
      }),
    ).resolves.toBeUndefined()
    expect(fs.readdirSync(directory)).toEqual([])
  })
})

describe('senders', () => {
  const one = '1'.repeat(64)
  const two = '2'.repeat(64)

  test.each([
    ['pc', [], 'pc'],
    ['pc', ['PC'], 'pc-2'],
    ['pc', ['pc', 'pc-2'], 'pc-3'],
    ['.holdfast', [], 'holdfast'],
    ['a/b', [], 'a_b'],
  ])('folder of %j beside %j: %s', (name, taken, folder) => {
    expect(freeFolder(name, taken)).toBe(folder)
  })

  test('trust is not pairing: it ends with the configuration, the folder stays', async () => {
    const file = path.join(temporaryDirectory('senders'), 'senders.json')
    const senders = await openSenders(file, () => undefined)
    await senders.trust([{ fingerprint: one, name: 'pc' }])
    expect(senders.accepted(one)?.folder).toBe('pc')
    await senders.trust([])
    expect(senders.accepted(one)).toBeNull()
    await senders.pair(two, 'pc', 5)
    await senders.pair(one, 'renamed', 6)
    const again = await openSenders(file, () => undefined)
    expect(again.accepted(one)).toMatchObject({ folder: 'pc', name: 'renamed' })
    expect(again.accepted(two)).toMatchObject({ folder: 'pc-2' })
    expect(again.pairedCount).toBe(2)
  })

  test('a list that cannot be read is set aside and said', async () => {
    const file = path.join(temporaryDirectory('senders'), 'senders.json')
    fs.writeFileSync(file, '{broken')
    const notices: string[] = []
    const senders = await openSenders(file, (text) => notices.push(text))
    expect(senders.pairedCount).toBe(0)
    expect(notices).toHaveLength(1)
    expect(fs.readdirSync(path.dirname(file))).toEqual([expect.stringMatching(/^senders\.json\.broken-/)])
  })
})

test('the address in a pairing code is one that other computers can reach', () => {
  const address = (text: string, internal: boolean) => ({
    address: text,
    netmask: '255.255.255.0',
    mac: '00:00:00:00:00:00',
    cidr: null,
    internal,
    family: 'IPv4' as const,
  })
  const interfaces = { lo: [address('127.0.0.1', true)], eth0: [address('192.0.2.7', false)] }
  expect(reachableHost('0.0.0.0', interfaces, 'pc')).toBe('192.0.2.7')
  expect(reachableHost('::', { lo: interfaces.lo }, 'pc')).toBe('pc')
  expect(reachableHost('10.0.0.1', interfaces, 'pc')).toBe('10.0.0.1')
})
