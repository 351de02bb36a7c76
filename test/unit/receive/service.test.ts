import { describe, expect, onTestFinished, test } from 'vitest'
import type { IsocketHost } from '../../../core/receive/isocket/isocket.ts'
import { openIsocket, parseHeader } from '../../../core/receive/isocket/isocket.ts'
import { findProblems, type StoreProbeResult } from '../../../core/receive/service/health.ts'
import { DEFAULT_RULES, type Floor } from '../../../core/store/quota/admission.ts'
import { chooseSender, type Sender } from '../../../core/store/senders/senders.ts'

const GIB = 1024 ** 3

describe('isocket header line', () => {
  test.each([
    ['FILE:/datas/DC1/file0:12', { kind: 'file', path: 'datas/DC1/file0', size: 12 }],
    ['FILE:./a//b:0', { kind: 'file', path: 'a/b', size: 0 }],
    ['FILE:a:b:c:3', { kind: 'file', path: 'a:b:c', size: 3 }],
    ['FILE:資料/檔案:3\r', { kind: 'file', path: '資料/檔案', size: 3 }],
    [`FILE:x:${2 ** 52}`, { kind: 'file', path: 'x', size: 2 ** 52 }],
    ['STOP', { kind: 'stop' }],
  ])('parses %s', (line, header) => expect(parseHeader(Buffer.from(line))).toEqual(header))

  test.each([
    ['FILE:..:1'],
    ['FILE:a/../b:1'],
    ['FILE:/:1'],
    ['FILE:/datas/DC1/:3'],
    ['FILE:datas/.:3'],
    ['FILE:a\0b:1'],
    [`FILE:x:${2 ** 52 + 2}`],
    ['FILE:x:-1'],
    ['FILE:x:0x10'],
    ['FILE:x:1.5'],
    ['FILE:x: 1'],
    ['FILE::1'],
    ['FILE:x'],
    ['stop'],
    [''],
  ])('rejects %j', (line) => expect(parseHeader(Buffer.from(line)).kind).toBe('fault'))
})

test.each(['', '*', '0', '0.0', '0x0', '0.0.0.0', '::', '::0', '0:0:0:0:0:0:0:0', '::ffff:0.0.0.0', '::%lo'])(
  'isocket listener: refuses to listen on all addresses, written as %j',
  async (address) => {
    const log: string[] = []
    const host = { log: (_level: string, text: string) => log.push(text) } as unknown as IsocketHost
    await expect(openIsocket({ host: address, port: 0 }, host)).rejects.toMatchObject({
      sentence: { key: 'transfer.isocketEverywhere' },
    })
    expect(log).toEqual([])
  },
)

test.each(['127.1', 'localhost', '::1', '::ffff:127.0.0.1'])(
  'isocket listener: opens for programs on this computer at %s',
  async (address) => {
    const log: string[] = []
    const host = { log: (_level: string, text: string) => log.push(text) } as unknown as IsocketHost
    const listener = await openIsocket({ host: address, port: 0 }, host)
    onTestFinished(() => listener.close())
    expect(log).toEqual([expect.stringContaining('a program on this computer')])
  },
)

describe('store health', () => {
  const well: StoreProbeResult = { writeError: null, free: 100 * GIB, size: 1000 * GIB }
  const { floor: usual } = DEFAULT_RULES
  const none = { bytes: 0, percent: 0 }
  test.each<[string, StoreProbeResult | 'unanswered', number, string[], Floor?]>([
    ['healthy', well, 0, []],
    ['busy', well, 29_000, []],
    ['stalled in the data path', well, 31_000, ['transfer.healthStalled']],
    ['not answering the probe', 'unanswered', 0, ['transfer.healthStalled']],
    ['read-only', { ...well, writeError: 'EROFS' }, 0, ['transfer.healthNotWritable']],
    ['nearly full', { ...well, free: 1.2 * GIB }, 0, ['transfer.healthNearlyFull']],
    ['below the default floor', { ...well, free: GIB - 1 }, 0, ['transfer.healthFull']],
    [
      'below a configured floor',
      { ...well, free: 49 * GIB },
      0,
      ['transfer.healthFull'],
      { bytes: 50 * GIB, percent: 100 },
    ],
    [
      'close to a configured floor',
      { ...well, free: 60 * GIB },
      0,
      ['transfer.healthNearlyFull'],
      { bytes: 50 * GIB, percent: 100 },
    ],
    ['at 300 MiB free without a floor', { ...well, free: 300 * 1024 ** 2 }, 0, [], none],
    [
      'at 200 MiB free without a floor',
      { ...well, free: 200 * 1024 ** 2 },
      0,
      ['transfer.healthNearlyFull'],
      none,
    ],
    ['small, but with room', { writeError: null, free: GIB / 50, size: GIB }, 0, []],
    [
      'full',
      { ...well, writeError: 'ENOSPC', free: 0 },
      0,
      ['transfer.healthNotWritable', 'transfer.healthFull'],
    ],
    ['of unknown size', { ...well, free: null, size: null }, 0, []],
  ])('reports the expected problems for a store that is %s', (_, look, stalledMs, keys, floor = usual) =>
    expect(findProblems(look, { stalledMs }, floor).map(({ key }) => key)).toEqual(keys),
  )
})

describe('choosing a sender', () => {
  const sender = (name: string, fingerprint: string, folder = name): Sender => ({
    ...{ name, fingerprint, folder },
    ...{ pairedAt: 1, revokedAt: null, label: '', sources: {}, proposal: null },
  })
  const one = sender('pc', 'abcdef01'.padEnd(64, '0'))
  const two = sender('pc', 'abcdef02'.padEnd(64, '0'), 'pc-2')
  const three = sender('facade', '3'.repeat(64))
  const all = [one, two, three]
  test.each([
    ['abcdef01', one],
    ['AB:CD:EF:01', one],
    ['pc-2', two],
    ['facade', three],
    ['3'.repeat(64), three],
  ])('finds one sender by %s', (who, expected) => expect(chooseSender(all, who, '/store')).toBe(expected))
  test.each([
    ['pc', 'senderAmbiguous'],
    ['abcdef', 'senderAmbiguous'],
    ['333', 'senderUnknown'],
    ['nobody', 'senderUnknown'],
  ])('rejects %s with %s', (who, key) =>
    expect(() => chooseSender(all, who, '/store')).toThrow(
      expect.objectContaining({ sentence: expect.objectContaining({ key: `transfer.${key}` }) }),
    ),
  )
})
