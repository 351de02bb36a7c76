import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { capture } from '../../../build/setup/run.mjs'
import { documentedCommands } from '../../support/cli/documented.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const launcher = path.resolve(import.meta.dirname, '../../../build/holdfast.mjs')

/**
 * Commands that read, or change what can be changed anywhere. The others are services, are what the world of this test
 * is made with, or need what a test has not (a server of others): their words are looked at in documentation.test.ts.
 */
const RUN = new Set(
  'status disks paths expected report changes limit keep pause resume senders pair incidents channels verify restore completion probe scan'.split(
    ' ',
  ),
)
/** They need a directory without protection, a sender that has lost its data, LINE's token, no agent, marked files, a link, a finding about a disk, a failed one, a channel, or a file of patterns. */
const NOT_HERE =
  /disks accept|incidents show|report schedule|--replaces|--line-token-file|--once|paths (add|confirm|send|follow)|--ignore-from/

test('documented commands: each one that can run here succeeds, in the order of the pages', async () => {
  const base = temporaryDirectory('documented')
  const data = path.join(base, 'data')
  const store = path.join(base, 'store')
  const env = { HOLDFAST_HOME: path.join(base, 'home') }
  /** As a person in a checkout has it: what is built starts faster than the source. */
  const holdfast = (...words: string[]) =>
    capture(process.execPath, [launcher, ...words], { env: { ...process.env, ...env } })
  mkdirSync(data)
  writeFileSync(path.join(data, 'measured'), 'all of it')
  const listen = ['--host', '127.0.0.1', '--port', '0', '--name', 'nas-2']
  await startHoldfast(['receive', '--store', store, ...listen], env).says(/holdfast:\/\//)
  const newCode = async () => (await holdfast('pair', '--store', store)).stdout.trim()
  expect(await holdfast('pair', await newCode())).toMatchObject({ status: 0 })
  startHoldfast(['agent', data], env)
  await until('it to be stored', () =>
    readdirSync(store).some((name) => existsSync(path.join(store, name, 'data/measured'))),
  )

  const proposal = path.join(base, 'night.json')
  writeFileSync(proposal, JSON.stringify({ scan: { reconcileSeconds: 900 } }))
  const places: Record<string, string> = {
    ...{ '/data': data, '/srv/holdfast': store },
    ...{ 'night.json': proposal, 'station-1': hostname() },
  }
  const commands = documentedCommands().filter(
    ({ line, words }) => RUN.has(words[0] ?? '') && !NOT_HERE.test(line),
  )
  const done = new Set<string>()
  for (const { file, line, words } of commands) {
    if (done.has(words.join(' '))) continue
    done.add(words.join(' '))
    const code = words.some((word) => word.startsWith('holdfast://')) ? await newCode() : ''
    const here = words.map((word) => (word.startsWith('holdfast://') ? code : (places[word] ?? word)))
    const { status, stdout, stderr } = await holdfast(...here)
    // Of status 1 says that something needs a person, which may be so.
    const well = words[0] === 'status' || words[0] === 'disks' ? [0, 1] : [0]
    expect(well, `${file}: ${line}: exit code ${status}\n${stdout}${stderr}`).toContain(status)
  }
  expect(done.size).toBeGreaterThan(12)
})
