import { expect, test } from 'vitest'
import {
  beginProof,
  challenge,
  createShortCode,
  formatAddressedCode,
  formatShortCode,
  normalizeShortCode,
  parseEnteredCode,
} from '../../../core/protocol/short-code.ts'

const ends = { station: 'a'.repeat(64), receiver: 'b'.repeat(64) }

test('short code: it is read as people type it', () => {
  for (const typed of ['K7QF-92MB', 'k7qf92mb', 'k7-qf-92-mb'])
    expect(normalizeShortCode(typed)).toBe('k7qf92mb')
  expect(normalizeShortCode('OIl0-1111')).toBe('01101111')
  for (const typed of ['K7QF-92M', 'K7QF-92MBX', 'U7QF-92MB', 'K7QF 92MB', ''])
    expect(normalizeShortCode(typed)).toBeNull()
  const code = createShortCode()
  expect(normalizeShortCode(formatShortCode(code))).toBe(code)
})

test.each([
  ['nas-2 K7QF-92MB', { host: 'nas-2', port: 7766 }],
  ['  10.0.0.7:7800\tk7qf92mb ', { host: '10.0.0.7', port: 7800 }],
  ['fd00::7 K7QF-92MB', { host: 'fd00::7', port: 7766 }],
  ['[fd00::7]:7800 K7QF-92MB', { host: 'fd00::7', port: 7800 }],
])('short code: "%s" has an address', (text, address) => {
  const entered = parseEnteredCode(text)
  expect(entered).toEqual({ ...address, shortCode: 'k7qf92mb' })
  if ('shortCode' in entered) expect(parseEnteredCode(formatAddressedCode(entered))).toEqual(entered)
})

test.each([
  'K7QF-92MB',
  'nas/2 K7QF-92MB',
  'me@nas K7QF-92MB',
  'nas:99999 K7QF-92MB',
  'nas K7QF-92M',
  'a b K7QF-92MB',
])('short code: "%s" is no pairing code', (text) =>
  expect(() => parseEnteredCode(text)).toThrow('This is not a pairing code'),
)

test('short code: both ends prove it', async () => {
  const station = await beginProof('k7qf92mb')
  const receiver = await challenge('k7qf92mb', station.request, ends)
  const proof = station.answer(receiver?.challenge ?? '', ends)
  expect(receiver?.accepts(proof ?? '')).toBe(true)
})

test.each([
  ['another code', '00000000', ends],
  ['another certificate of the station', 'k7qf92mb', { ...ends, station: 'c'.repeat(64) }],
  ['another certificate of the receiver', 'k7qf92mb', { ...ends, receiver: 'c'.repeat(64) }],
])('short code: %s is not proven', async (_what, code, seen) => {
  const station = await beginProof('k7qf92mb')
  const receiver = await challenge(code, station.request, seen)
  expect(station.answer(receiver?.challenge ?? '', ends)).toBeNull()
})

test('short code: malformed messages are no proof', async () => {
  const station = await beginProof('k7qf92mb')
  expect(await challenge('k7qf92mb', 'AAAA', ends)).toBeNull()
  expect(station.answer('AAAA', ends)).toBeNull()
  const receiver = await challenge('k7qf92mb', station.request, ends)
  for (const proof of ['', 'AAAA', '!', station.request]) expect(receiver?.accepts(proof)).toBe(false)
})
