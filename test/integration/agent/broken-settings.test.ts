import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { formatPairingCode } from '../../../core/protocol/pairing-code.ts'
import { untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** Settings with a comma too many, as an editor leaves them. */
const BROKEN = '{ "version": 1, "sources": [], }'

describe('command that only reads or changes settings', () => {
  test.each([
    'folders',
    'destinations',
    'settings limit',
    'settings limit 10M',
    'folders pause',
    'send --once SOURCE',
  ])('a settings file that cannot be read is left unchanged and reported: %s', async (line) => {
    const data = temporaryDirectory('broken')
    const file = path.join(data, 'settings.json')
    const source = temporaryDirectory('broken-source')
    writeFileSync(file, BROKEN)
    const given = line.split(' ').map((word) => (word === 'SOURCE' ? source : word))
    const command = startHoldfast([...given, '--data', data])
    expect(await command.ended(), command.out()).toBe(1)
    expect(command.err()).toContain(`The settings file ${file} cannot be used`)
    expect(command.err()).toContain('holdfast agent')
    expect(readFileSync(file, 'utf8')).toBe(BROKEN)
    expect(readdirSync(data).filter((name) => name.includes('set-aside'))).toEqual([])
  })

  test.each(['folders', 'settings limit', 'folders change /data --priority low'])(
    'a misspelt data directory is refused, not created: %s',
    async (line) => {
      const data = path.join(temporaryDirectory('misspelt'), 'hodlfast')
      const command = startHoldfast([...line.split(' '), '--data', data])
      expect(await command.ended(), command.out()).toBe(1)
      expect(command.err()).toContain(`no data in ${data}`)
      expect(existsSync(data)).toBe(false)
    },
  )
})

test('`send --once`: a settings file that was set aside ends the run with 1 instead of a copy on this computer', async () => {
  const data = temporaryDirectory('aside')
  const source = temporaryDirectory('aside-source')
  const aside = path.join(data, 'settings.set-aside-2026-11-20T12-00-00-000Z.json')
  writeFileSync(aside, BROKEN)
  const once = startHoldfast(['send', '--once', '--data', data, source])
  expect(await once.ended()).toBe(1)
  expect(once.err()).toContain(`kept as ${aside}`)
  expect(once.err()).toContain('remove it to start with new settings')
})

test('pairing: a failed attempt writes no settings, and the next agent still has the notice of the file set aside', async () => {
  const data = temporaryDirectory('aside')
  const file = path.join(data, 'settings.json')
  writeFileSync(file, BROKEN)
  const isTold = async () => {
    const agent = startHoldfast(['agent', '--data', data])
    await untilState(data, 'the notice', ({ notices }) => notices.some(({ id }) => id === 'settings'))
    return agent
  }
  const agent = await isTold()
  // Nobody listens on the port of discard (RFC 863).
  const code = { host: '127.0.0.1', port: 9, code: 'x', fingerprint: 'a'.repeat(64), name: 'nas' }
  // It may still be starting its sender.
  await until('the receiver to be asked', async () => {
    const pair = startHoldfast(['pair', formatPairingCode(code), '--data', data])
    expect(await pair.ended(), pair.out()).toBe(1)
    return pair.err().includes('127.0.0.1:9 ')
  })
  expect(readdirSync(data).filter((name) => name.startsWith('settings.json'))).toEqual([])
  agent.child.kill('SIGTERM')
  await agent.ended()
  await isTold()
})
