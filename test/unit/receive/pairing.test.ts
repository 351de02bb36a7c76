import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { codeFile, makeCode, reachableHost, redeemCode } from '../../../core/receive/pairing/invitation.ts'
import { freeFolder, openSenders } from '../../../core/store/senders/senders.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** How a source is added that there is room for. */
const adding = { admit: async () => undefined, signal: new AbortController().signal }

describe('pairing codes', () => {
  const makeOne = async () => {
    const directory = path.join(temporaryDirectory('codes'), 'codes')
    const secret = await makeCode(directory, 0)
    const redeem = (now = 1, given = secret) =>
      redeemCode(codeFile(directory, given), now, async () => 'paired')
    return { directory, secret, redeem }
  }

  test('a code is redeemed only once, and its secret is not stored', async () => {
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

  test('a code whose file cannot be removed after the pairing cannot be redeemed again', async () => {
    const { directory, secret, redeem } = await makeOne()
    const [name = ''] = fs.readdirSync(directory)
    const paired = await redeemCode(codeFile(directory, secret), 1, async () => {
      // A directory that is not empty cannot be removed as a file.
      for (const one of fs.readdirSync(directory)) fs.rmSync(path.join(directory, one))
      fs.mkdirSync(path.join(directory, `${name}.used`, 'inner'), { recursive: true })
      return 'paired'
    })
    expect([paired, await redeem()]).toEqual(['paired', null])
  })

  test.each([
    ['after fifteen minutes', 15 * 60_000],
    ['when the clock is set back to before its creation', -1],
  ])('a code expires %s, and its file is removed when the next one is made', async (_when, now) => {
    const { directory, redeem } = await makeOne()
    expect(await redeem(now)).toBeNull()
    await makeCode(directory, now)
    expect(fs.readdirSync(directory)).toHaveLength(1)
  })

  test('a code for several computers and an hour pairs that many, with its last use after the usual time', async () => {
    const directory = path.join(temporaryDirectory('codes'), 'codes')
    const secret = await makeCode(directory, 0, null, { minutes: 60, uses: 3 })
    const redeem = (minute: number) =>
      redeemCode(codeFile(directory, secret), minute * 60_000, async () => 'paired')
    await expect(
      redeemCode(codeFile(directory, secret), 1, () => Promise.reject(new Error('full'))),
    ).rejects.toThrow()
    expect([await redeem(1), await redeem(2), await redeem(60)]).toEqual(['paired', 'paired', null])
    expect([await redeem(-1), await redeem(59), await redeem(59)]).toEqual([null, 'paired', null])
    expect(fs.readdirSync(directory)).toEqual([])
  })

  test('a code contains the sender that its owner replaces, or none', async () => {
    const directory = path.join(temporaryDirectory('codes'), 'codes')
    const [own, others] = [await makeCode(directory, 0), await makeCode(directory, 0, 'pc')]
    const given = (secret: string) =>
      redeemCode(codeFile(directory, secret), 1, async (replaces) => ({ replaces }))
    expect([await given(own), await given(others)]).toEqual([{ replaces: null }, { replaces: 'pc' }])
  })

  test('a code stays valid after ten wrong attempts', async () => {
    const { redeem } = await makeOne()
    for (let count = 0; count < 10; count += 1) expect(await redeem(1, 'wrong')).toBeNull()
    expect(await redeem()).toBe('paired')
  })

  test('a code that is unreadable for now fails and is kept; an invalid code file is removed with the next code', async () => {
    const { directory, redeem } = await makeOne()
    const [name = ''] = fs.readdirSync(directory)
    const file = path.join(directory, name)
    fs.renameSync(file, `${file}.good`)
    // A link to itself: reading it fails, and says nothing of what is there.
    fs.symlinkSync(name, file)
    fs.writeFileSync(path.join(directory, 'none.json'), 'nonsense')
    await expect(redeem()).rejects.toMatchObject({ code: 'ELOOP' })
    fs.renameSync(`${file}.good`, path.join(directory, '..', 'good'))
    await makeCode(directory, 1)
    expect(fs.readdirSync(directory)).toHaveLength(2)
    expect(fs.readdirSync(directory)).toContain(name)
    fs.renameSync(path.join(directory, '..', 'good'), file)
    expect(await redeem()).toBe('paired')
  })

  test('a code is valid again after the pairing that used it has failed', async () => {
    const { directory, secret, redeem } = await makeOne()
    const failing = () => Promise.reject(new Error('full'))
    await expect(redeemCode(codeFile(directory, secret), 1, failing)).rejects.toThrow('full')
    expect(await redeem()).toBe('paired')
  })
})

describe('senders', () => {
  const one = '1'.repeat(64)
  const two = '2'.repeat(64)

  test.each([
    ['pc', [], 'pc'],
    ['pc', ['PC'], 'pc-2'],
    ['pc', ['pc', 'pc-2'], 'pc-3'],
    ['.holdfast', [], '_holdfast'],
    // As it is called by a file system with short names, and by one that leaves letters out which nobody sees.
    ['HOLDFA~1', [], '_HOLDFA~1'],
    ['.hold\u200dfast', [], '_holdfast'],
    ['e\u0301', ['\u00c9'], '\u00e9-2'],
    ['a/b', [], 'a_b'],
  ])('a sender named %j beside the folders %j gets the folder %s', (name, taken, folder) => {
    expect(freeFolder(name, taken)).toBe(folder)
  })

  test('the store’s own computer is listed with a folder, but accepted only after pairing', async () => {
    const file = path.join(temporaryDirectory('senders'), 'senders.json')
    const senders = await openSenders(file, () => undefined)
    expect(await senders.own(one, 'pc')).toMatchObject({ folder: 'pc', pairedAt: null })
    expect(senders.accepted(one)).toBeNull()
    await senders.pair(two, 'pc', 5, null)
    await senders.pair(one, 'renamed', 6, null)
    const again = await openSenders(file, () => undefined)
    expect(again.accepted(one)).toMatchObject({ folder: 'pc', name: 'renamed' })
    expect(again.accepted(two)).toMatchObject({ folder: 'pc-2' })
    expect(again.pairedCount).toBe(2)
    await again.revoke(one, 7)
    expect(await again.own(one, 'pc')).toBeNull()
  })

  test('a list that cannot be parsed is set aside and reported', async () => {
    const file = path.join(temporaryDirectory('senders'), 'senders.json')
    fs.writeFileSync(file, '{broken')
    const notices: string[] = []
    const senders = await openSenders(file, ({ key }) => notices.push(key))
    expect(senders.pairedCount).toBe(0)
    expect(notices).toEqual(['transfer.sendersAside'])
    expect(fs.readdirSync(path.dirname(file))).toEqual([expect.stringMatching(/^senders\.json\.broken-/)])
  })

  test('a sender that replaces another takes over its folder and sources; the replaced one is not accepted', async () => {
    const file = path.join(temporaryDirectory('senders'), 'senders.json')
    const senders = await openSenders(file, () => undefined)
    await senders.pair(one, 'pc', 1, null)
    expect(await senders.sourceDirectory('pc', 'ab', 'data', adding)).toBe('data')
    const replaced = await senders.pair(two, 'new pc', 2, 'pc')
    expect(replaced).toMatchObject({ folder: 'pc', name: 'new pc', sources: { ab: 'data' } })
    expect([senders.accepted(one), senders.list().length]).toEqual([null, 1])
  })

  test('a sender that was just paired stays accepted while the receiver reads the list again', async () => {
    const file = path.join(temporaryDirectory('senders'), 'senders.json')
    const print = (index: number) => index.toString(16).padStart(64, '0')
    const sources = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, index) => [`id-${index}`, `${index}`]),
    )
    const first = { fingerprint: print(0), name: 'first', folder: 'first', pairedAt: 0, sources }
    fs.writeFileSync(file, JSON.stringify({ version: 1, senders: [first] }))
    const senders = await openSenders(file, null)
    const lost: number[] = []
    for (let index = 1; index <= 150; index += 1) {
      const paired = senders.pair(print(index), `pc-${index}`, 0, null)
      // The reading begins at another moment of the change each time.
      for (let turn = 0; turn < index % 60; turn += 1) await new Promise((resolve) => setImmediate(resolve))
      await Promise.all([paired, senders.refresh()])
      if (senders.accepted(print(index)) === null) lost.push(index)
    }
    expect(lost).toEqual([])
  })

  test('each source has a separate directory and keeps it after a rename and a restart', async () => {
    const file = path.join(temporaryDirectory('senders'), 'senders.json')
    const senders = await openSenders(file, () => undefined)
    await senders.pair(one, 'pc', 1, null)
    const directories = await Promise.all(
      ['ab', 'cd', 'ef'].map((id, index) =>
        senders.sourceDirectory('pc', id, ['data', 'Data', 'a/b'][index] ?? '', adding),
      ),
    )
    expect(directories).toEqual(['data', 'Data-2', 'a_b'])
    const again = await openSenders(file, () => undefined)
    expect(await again.sourceDirectory('pc', 'cd', 'renamed', adding)).toBe('Data-2')
    expect([
      again.sourceIn('pc', 'Data-2'),
      again.sourceIn('pc', 'none'),
      again.sourceIn('x', 'data'),
    ]).toEqual(['cd', null, null])
  })

  test('sources of a sender are limited, and those of a connection that is gone are not added', async () => {
    const file = path.join(temporaryDirectory('senders'), 'senders.json')
    const senders = await openSenders(file, () => undefined)
    await senders.pair(one, 'pc', 1, null)
    const gone = new AbortController()
    const ask = (begin: number, count: number, signal: AbortSignal) =>
      Array.from({ length: count }, (_, index) =>
        senders.sourceDirectory('pc', `id-${begin + index}`, 'data', { ...adding, signal }),
      )
    const first = ask(0, 200, gone.signal)
    await Promise.all(first)
    const dropped = ask(200, 300, gone.signal)
    gone.abort()
    // Revoking does not wait for the sources that were asked for before.
    await senders.revoke(one, 2)
    expect(senders.accepted(one)).toBeNull()
    const settled = await Promise.allSettled(dropped)
    expect(settled.filter(({ status }) => status === 'fulfilled')).toEqual([])
    const more = await Promise.allSettled(ask(500, 1_000, adding.signal))
    const refused = more.filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(200)
    expect(refused[0]).toMatchObject({ reason: { status: 'full', detail: 'sources 1000' } })
    const again = await openSenders(file, () => undefined)
    const { sources = {} } = again.list()[0] ?? {}
    expect(Object.keys(sources)).toHaveLength(1_000)
    expect(new Set(Object.values(sources)).size).toBe(1_000)
  })

  test('a sender never gets a folder that the store already has when the list was lost', async () => {
    const file = path.join(temporaryDirectory('senders'), 'senders.json')
    const senders = await openSenders(
      file,
      () => undefined,
      async () => ['PC'],
    )
    expect((await senders.pair(one, 'pc', 1, null)).folder).toBe('pc-2')
    expect((await senders.own(two, 'pc'))?.folder).toBe('pc-3')
  })
})

test('pairing code: its address is one that other computers can reach', () => {
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
