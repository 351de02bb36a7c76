// @module-tag story
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { askAgent } from '../../support/agent/answers.ts'
import { holdfast, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { startWebAgent } from '../../support/web.ts'

const CHECK_SECONDS = 2
/** Time from a failure there to its incident here. */
const WITHIN_MS = (CHECK_SECONDS + 3) * 1000

test('watched computer: a failing disk there is an incident here, and a removed token ends the contact', async () => {
  const station = await startWebAgent('0.0.0.0')
  const checked = temporaryDirectory('checked')
  await station.command('changeSettings', { check: { intervalSeconds: CHECK_SECONDS } })
  await station.command('addCheckedPath', { path: checked })
  const desk = temporaryDirectory('desk')
  startHoldfast(['agent', '--data', desk])
  await untilState(desk, 'the agent', () => true)

  // Without the fingerprint, it is shown and nothing is added; `holdfast settings web` prints it at the station.
  const shown = await holdfast(['settings', 'web', '--data', station.data])
  const [, certificate = ''] = /^Certificate: ([0-9a-f]{64})$/m.exec(shown) ?? []
  const tokenFile = path.join(temporaryDirectory('token'), 'token')
  writeFileSync(tokenFile, `${station.viewer}\n`)
  const add = ['computers', 'add', `https://127.0.0.1:${station.port}/`]
  const words = [...add, '--token-file', tokenFile, '--name', 'Roof', '--data', desk]
  const refused = startHoldfast(words)
  expect(await refused.ended()).toBe(1)
  expect(refused.err()).toContain(certificate)
  expect(await holdfast(['computers', '--data', desk])).toContain('No other computer')
  await holdfast([...words, '--certificate', certificate])
  await untilState(desk, 'its status', ({ computers }) => computers[0]?.status?.level === 'ok')

  const isLasting = ({ kind, endedAt }: { kind: string; endedAt: number | null }) =>
    kind === 'computer-failing' && endedAt === null
  rmSync(checked, { recursive: true })
  const failing = await untilState(
    desk,
    'the incident here',
    ({ incidents }) => incidents.some(isLasting),
    WITHIN_MS,
  )
  expect(failing.status).toMatchObject({ level: 'failing', failure: { kind: 'computer-failing' } })
  const [incident] = failing.incidents
  expect(incident && englishWords(incident.sentence)).toBe(`Roof: ${checked} is missing.`)
  expect(await holdfast(['computers', '--data', desk])).toMatch(/^Roof +https:\S+ +\S+ is missing\.$/m)
  mkdirSync(checked)
  await untilState(desk, 'its end', ({ incidents }) => !incidents.some(isLasting), WITHIN_MS)

  await station.command('removeWebToken', { id: 'eve' })
  const ended = await untilState(
    desk,
    'the refusal',
    ({ computers }) => computers[0]?.connection.state === 'refused',
  )
  expect(ended.computers[0]?.connection.problem).toMatchObject({ key: 'computer.wrongToken' })
  const list = await holdfast(['computers', '--json', '--data', desk])
  expect(list).not.toContain(station.viewer)
  expect(await askAgent(desk)('removeComputer', { id: 'Roof' })).toEqual({ done: true })
})
