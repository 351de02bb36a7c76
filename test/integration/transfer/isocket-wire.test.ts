import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { type IsocketClient, openIsocketClient } from '../../support/transfer/isocket.ts'
import { createRandom, newSeed, readTree } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

async function startReceiver(store = path.join(temporaryDirectory('isocket'), 'store'), ...more: string[]) {
  const words = ['receive', '--store', store, '--host', '127.0.0.1', '--port', '0', '--isocket-port', '0']
  const receiver = startHoldfast([...words, ...more])
  const [, port] = await until('isocket clients are accepted', () =>
    /isocket clients are accepted on 127\.0\.0\.1:(\d+)/.exec(receiver.err()),
  )
  await receiver.says(/holdfast:\/\//)
  return {
    receiver,
    store,
    port: Number(port),
    tree: () => readTree(path.join(store, 'isocket', '127.0.0.1')),
  }
}

const readBack = (store: string, name: string) =>
  fs.readFileSync(path.join(store, 'isocket', '127.0.0.1', name))

test('isocket listener: each file of the original protocol is acknowledged, and stored under its own path', {
  tags: 'story',
}, async () => {
  const { receiver, store, port } = await startReceiver()
  expect(receiver.err()).toContain('without proof of who sends')
  const client = await openIsocketClient(port)
  const large = Buffer.alloc(3 * 1024 * 1024 + 1, 'isocket')
  expect(await client.send('/datas/DC1/file0', Buffer.from('one'))).toEqual(['OK', 'OK'])
  expect(readBack(store, 'datas/DC1/file0').toString()).toBe('one')
  expect(await client.send('./datas//DC1/12:30:00.dat', Buffer.from('a colon'))).toEqual(['OK', 'OK'])
  expect(await client.send('datas/DC1/empty', Buffer.alloc(0))).toEqual(['OK', 'OK'])
  expect(await client.send('/datas/DC2/large', large)).toEqual(['OK', 'OK'])
  expect(await client.send('/datas/DC1/file0', Buffer.from('another one'))).toEqual(['OK', 'OK'])
  client.write('STOP\n')
  expect(await client.line()).toBeNull()
  expect(client.over()).toBe('end')
  expect(readBack(store, 'datas/DC1/12:30:00.dat').toString()).toBe('a colon')
  expect(readBack(store, 'datas/DC1/empty').length).toBe(0)
  expect(readBack(store, 'datas/DC2/large').equals(large)).toBe(true)
  expect(readBack(store, 'datas/DC1/file0').toString()).toBe('another one')
  const versions = readTree(path.join(store, '.holdfast', 'versions', 'isocket'))
  expect(Object.keys(versions)).toEqual([expect.stringMatching(/^127\.0\.0\.1\/datas\/DC1\/file0\/\d{8}T/)])
})

test('isocket listener: a malformed request is reset, logged and not stored, and other clients continue', {
  tags: 'story',
}, async () => {
  const { receiver, store, port, tree } = await startReceiver()
  const good = await openIsocketClient(port)
  expect(await good.send('/before', Buffer.from('x'))).toEqual(['OK', 'OK'])
  const lines: [string | Buffer, string][] = [
    ['FILE:../../etc/passwd:3\n', 'is not stored'],
    ['FILE:/a/../../b:3\n', 'is not stored'],
    ['FILE:/nul\0name:3\n', 'is not stored'],
    [`FILE:/${'x'.repeat(256)}:3\n`, 'is not stored'],
    ['FILE:/:3\n', 'is not stored'],
    ['FILE:/negative:-5\n', 'neither FILE'],
    ['FILE:/huge:9999999999999999\n', 'are too many'],
    [`FILE:/huger:${'9'.repeat(40)}\n`, 'neither FILE'],
    ['FILE:/real:1e3\n', 'neither FILE'],
    ['FILE:/none:\n', 'neither FILE'],
    ['GET / HTTP/1.1\r\n', 'neither FILE'],
    ['\n', 'neither FILE'],
    [Buffer.from([0x46, 0x49, 0x4c, 0x45, 0x3a, 0xa4, 0xa4, 0x3a, 0x33, 0x0a]), 'not UTF-8'],
    ['x'.repeat(100_000), 'an endless line'],
  ]
  for (const [line, reason] of lines) {
    const before = receiver.err().length
    const client = await openIsocketClient(port)
    client.write(line)
    expect(await client.line(), String(line).slice(0, 60)).toBeNull()
    // A client whose next send fails marks nothing; an end in order it would take for success.
    await until('it is reset', () => client.over() === 'reset')
    await until(reason, () => receiver.err().slice(before).includes(reason))
  }
  expect(await good.send('/after', Buffer.from('y'))).toEqual(['OK', 'OK'])
  expect(Object.keys(tree()).sort()).toEqual(['after', 'before'])
  expect(fs.readdirSync(path.dirname(store))).toEqual(['store'])
})

test('isocket listener: a name that cannot be stored is logged, and its client is left waiting', async () => {
  const { receiver, store, port } = await startReceiver()
  const client = await openIsocketClient(port)
  expect(await client.send('/before', Buffer.from('x'))).toEqual(['OK', 'OK'])
  fs.symlinkSync('nowhere', path.join(store, 'isocket', '127.0.0.1', 'link'))
  const answer = client.send('/link', Buffer.from('content')).then(([, second]) => second)
  await until('it is said', () => receiver.err().includes('/link: its name cannot be stored'))
  expect(client.over()).toBeNull()
  client.socket.destroy()
  expect(await answer).toBeNull()
})

test('isocket listener: a file cut off at any byte is not stored and leaves no temporary file', async () => {
  const { store, port, tree } = await startReceiver()
  const random = createRandom(newSeed('isocket cuts'))
  const content = Buffer.alloc(600_000, 'cut')
  for (let round = 0; round < 20; round += 1) {
    const client = await openIsocketClient(port)
    const conversation = Buffer.concat([Buffer.from(`FILE:/cut/${round}:${content.length}\n`), content])
    client.write(conversation.subarray(0, Math.floor(random() * conversation.length)))
    if (random() < 0.5) client.socket.end()
    else client.socket.resetAndDestroy()
  }
  const whole = await openIsocketClient(port)
  expect(await whole.send('/whole', content)).toEqual(['OK', 'OK'])
  const temporary = path.join(store, '.holdfast', 'tmp')
  await until('no temporary file is left', () => Object.keys(readTree(temporary)).length === 0)
  expect(Object.keys(tree())).toEqual(['whole'])
})

test('isocket listener: connections beyond 64 are reset, and the existing ones continue', async () => {
  const { receiver, port, tree } = await startReceiver()
  const busy = await openIsocketClient(port)
  busy.write('FILE:/busy:4\n')
  expect(await busy.line()).toBe('OK')
  busy.write('bu')
  const idle: IsocketClient[] = []
  for (let count = 0; count < 70; count += 1) idle.push(await openIsocketClient(port))
  await until('some are reset', () => idle.filter((client) => client.over() === 'reset').length >= 7)
  expect(receiver.err()).toContain('more than 64 connections')
  busy.write('sy')
  expect(await busy.line()).toBe('OK')
  const [first] = idle
  expect(await first?.send('/first', Buffer.from('x'))).toEqual(['OK', 'OK'])
  expect(Object.keys(tree()).sort()).toEqual(['busy', 'first'])
})

test('isocket listener: SIGTERM waits for the file being received and resets idle clients', async () => {
  const { receiver, port, tree } = await startReceiver()
  const resting = await openIsocketClient(port)
  const sending = await openIsocketClient(port)
  sending.write('FILE:/last:4\n')
  expect(await sending.line()).toBe('OK')
  receiver.child.kill('SIGTERM')
  await until('who rests is cut off', () => resting.over() === 'reset')
  sending.write('last')
  expect(await sending.line()).toBe('OK')
  expect(await receiver.ended(10_000)).toBe(0)
  expect(Object.keys(tree())).toEqual(['last'])
})

test('isocket listener: listening on every address is refused, and --isocket-host requires --isocket-port', async () => {
  const store = path.join(temporaryDirectory('isocket'), 'store')
  const words = ['receive', '--store', store, '--host', '127.0.0.1', '--port', '0']
  const everywhere = startHoldfast([...words, '--isocket-port', '0', '--isocket-host', '0.0.0.0'])
  expect(await everywhere.ended()).toBe(1)
  expect(everywhere.err()).toContain('cannot be accepted on every address')
  const alone = startHoldfast([...words, '--isocket-host', '127.0.0.1'])
  expect(await alone.ended()).toBe(2)
  expect(alone.err()).toContain('--isocket-port')
})

describe.skipIf(process.getuid?.() !== 0)('isocket listener on a full store (needs root for a mount)', () => {
  test('a client waits without an answer until there is room again, and its file is then stored', async () => {
    const store = path.join(temporaryDirectory('isocket-full'), 'store')
    fs.mkdirSync(store)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'none', store])
    onTestFinished(() => void execFileSync('umount', ['-l', store]))
    const { receiver, port, tree } = await startReceiver(store)
    fs.writeFileSync(path.join(store, 'ballast'), Buffer.alloc(4_050_000))
    const [small, large] = [await openIsocketClient(port), await openIsocketClient(port)]
    large.write('FILE:/large:1500000\n')
    small.write('FILE:/small:200000\n')
    expect(await small.line()).toBe('OK')
    small.write(Buffer.alloc(200_000))
    await until(
      'both are told of',
      () => /large: full/.test(receiver.err()) && /small: full/.test(receiver.err()),
    )
    expect([small.over(), large.over()]).toEqual([null, null])
    fs.rmSync(path.join(store, 'ballast'))
    expect(await small.line()).toBe('OK')
    expect(await large.line()).toBe('OK')
    large.write(Buffer.alloc(1_500_000))
    expect(await large.line()).toBe('OK')
    expect(Object.keys(tree()).sort()).toEqual(['large', 'small'])
    receiver.child.kill('SIGTERM')
    await receiver.ended()
  })

  test('a large file that fills the disk leaves its client without an answer, also after there is room again', async () => {
    const store = path.join(temporaryDirectory('isocket-hold'), 'store')
    fs.mkdirSync(store)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'none', store])
    onTestFinished(() => void execFileSync('umount', ['-l', store]))
    const { receiver, port, tree } = await startReceiver(store)
    const ballast = path.join(store, 'ballast')
    const holding = async (name: string) => {
      const client = await openIsocketClient(port)
      client.write(`FILE:/${name}:1500000\n`)
      expect(await client.line()).toBe('OK')
      client.write(Buffer.alloc(500_000))
      fs.writeFileSync(ballast, '')
      // Whatever is free goes, until there is nothing any more.
      try {
        for (;;) fs.appendFileSync(ballast, Buffer.alloc(64 * 1024))
      } catch {
        // ENOSPC
      }
      client.write(Buffer.alloc(1_000_000))
      await until('it is told', () => receiver.err().includes(`it will send /${name} again`))
      fs.rmSync(ballast)
      return client
    }
    const [gone, held] = [await holding('gone'), await holding('held')]
    expect(receiver.err()).toMatch(/gone: full ENOSPC.*is left without an answer/s)
    // There is room again: others are served, and the one that waits is still not answered.
    const other = await openIsocketClient(port)
    expect(await other.send('/other', Buffer.alloc(300_000))).toEqual(['OK', 'OK'])
    expect([gone.over(), held.over()]).toEqual([null, null])
    gone.socket.destroy()
    await until('its end is told', () =>
      /\/gone from \S+ was not received whole \(full\)/.test(receiver.err()),
    )
    receiver.child.kill('SIGTERM')
    // A client that sees an end in order takes it for success; a reset is an error to it.
    await until('the other is reset', () => held.over() === 'reset')
    expect(await receiver.ended(10_000)).toBe(0)
    expect(await held.line()).toBeNull()
    expect(Object.keys(tree())).toEqual(['other'])
    expect(Object.keys(readTree(path.join(store, '.holdfast', 'tmp')))).toEqual([])
  })
})
