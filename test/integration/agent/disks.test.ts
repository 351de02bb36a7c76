import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { sendCommand } from '../../../core/agent/control-socket.ts'
import { holdfast, untilState } from '../../support/agent/two-receivers.ts'
import { ataOutput, notPermitted } from '../../support/check/smartctl-outputs.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** A program `smartctl` first in PATH that prints this answer. */
function fakeSmartctl() {
  const directory = temporaryDirectory('smartctl')
  const answer = path.join(directory, 'answer')
  const program = path.join(directory, 'smartctl')
  writeFileSync(program, `#!/bin/sh\necho "$@" >> '${directory}/asked'\n. '${answer}'\n`)
  chmodSync(program, 0o755)
  return {
    env: { PATH: `${directory}:${process.env.PATH}` },
    asked: path.join(directory, 'asked'),
    says: (output: string, status = 0) => {
      writeFileSync(`${answer}.new`, `printf '%s' '${output}'\nexit ${status}\n`)
      renameSync(`${answer}.new`, answer)
    },
    hangs: () => writeFileSync(answer, 'exec sleep 600\n'),
  }
}

function start() {
  const root = path.join(temporaryDirectory('disks'), 'survey')
  const data = temporaryDirectory('disks-data')
  mkdirSync(root)
  writeFileSync(path.join(root, 'one'), 'one')
  const settings = { version: 1, sources: [{ id: 'one', path: root, name: 'survey' }] }
  writeFileSync(path.join(data, 'settings.json'), JSON.stringify(settings))
  return { root, data }
}

const TIME_MS = 60_000

/** Runs `holdfast disks`; exit code 1 reports a finding. */
async function runDisks(data: string, ...words: string[]) {
  const command = startHoldfast(['disks', ...words, '--data', data])
  const code = await command.ended()
  return { code, out: command.out() }
}

const readAgain = (data: string) => sendCommand(data, 'checkNow', {})
const untilSmart = (data: string, smart: string) =>
  untilState(
    data,
    `a disk with the result ${smart}`,
    ({ disks }) => disks.all.some((one) => one.smart === smart),
    TIME_MS,
  )
const untilIncident = (data: string, isOpen: boolean) =>
  untilState(
    data,
    isOpen ? 'an incident of the disk' : 'the end of the incident',
    ({ incidents }) =>
      isOpen
        ? incidents.some(({ kind, endedAt }) => kind === 'disk-health' && endedAt === null)
        : incidents.every(({ kind, endedAt }) => kind !== 'disk-health' || endedAt !== null),
    TIME_MS,
  )

describe.skipIf(process.platform !== 'linux')('disk health', () => {
  test('a disk with pending sectors is an incident until it has none, or they are accepted', async () => {
    const { data } = start()
    const smartctl = fakeSmartctl()
    smartctl.says(ataOutput({ pending: 12 }))
    startHoldfast(['agent', '--data', data], smartctl.env)
    const failing = await untilIncident(data, true)
    const [disk] = failing.disks.all
    expect(failing.status.level).toBe('attention')
    expect(disk).toMatchObject({ folders: ['one'], serial: '4711', counters: { pending: 12 } })
    const listed = await runDisks(data)
    expect(listed.code).toBe(1)
    expect(listed.out).toMatch(/WDC WD40EFRX-68N32N0 …4711, \w+ +12 pending sectors +.*survey/)
    expect(listed.out).toContain(`holdfast disks accept ${disk?.name}`)
    // The file is only copied to this computer, perhaps to the same disk.
    expect(listed.out).toContain('1 folder on it has no copy on another disk')
    expect(await holdfast(['failures', '--data', data])).toContain('reports 12 pending sectors')
    expect(readFileSync(smartctl.asked, 'utf8')).toContain('-n standby,192 /dev/')

    await holdfast(['disks', 'accept', disk?.name ?? '', '--data', data])
    await untilIncident(data, false)
    expect(await runDisks(data)).toMatchObject({ code: 0 })
    expect(await holdfast(['changes', '--data', data])).toContain('Accepted the findings about the disk')
    smartctl.says(ataOutput({ pending: 13 }))
    await readAgain(data)
    await untilIncident(data, true)
    smartctl.says(ataOutput())
    await readAgain(data)
    await untilIncident(data, false)
    expect(JSON.parse((await runDisks(data, '--json')).out)).toMatchObject({
      on: true,
      disks: [{ health: 'ok', findings: [], accepted: { pending: 0 } }],
    })
    // A value that has improved is accepted only as it is now: the value that was accepted before is a new fault.
    smartctl.says(ataOutput({ pending: 12 }))
    await readAgain(data)
    await untilIncident(data, true)
    expect(await runDisks(data)).toMatchObject({
      code: 1,
      out: expect.stringContaining('12 pending sectors'),
    })
  })

  test('a disk that may not be queried is shown as such, and the commands that permit it', async () => {
    const { data } = start()
    const smartctl = fakeSmartctl()
    smartctl.says(notPermitted, 2)
    startHoldfast(['agent', '--data', data], smartctl.env)
    await untilSmart(data, 'not-permitted')
    const { code, out } = await runDisks(data)
    expect(code).toBe(0)
    expect(out).toContain('Not readable: Holdfast has no permission to query')
    expect(out).toContain('sudo setcap cap_sys_rawio')
    expect(out).not.toMatch(/\bOK\b/)

    await holdfast(['disks', '--off', '--data', data])
    await untilState(data, 'no disk', ({ disks }) => disks.all.length === 0)
    expect((await runDisks(data)).out).toMatch(/^The health of disks is not read/)
    smartctl.says(ataOutput())
    await holdfast(['disks', '--on', '--data', data])
    await untilSmart(data, 'read')
  })

  test('a smartctl that hangs is reported, and the checks go on', async () => {
    const { data } = start()
    const smartctl = fakeSmartctl()
    smartctl.hangs()
    startHoldfast(['agent', '--data', data], smartctl.env)
    const { sources } = await untilSmart(data, 'late')
    const before = sources[0]?.checked?.at ?? 0
    expect(before).toBeGreaterThan(0)
    await untilState(data, 'another check', (state) => (state.sources[0]?.checked?.at ?? 0) > before)
    expect((await runDisks(data)).out).toContain('did not answer in time')
  })
})
