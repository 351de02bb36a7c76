import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { askAgent } from '../../support/agent/answers.ts'
import { holdfast, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/trees.ts'

vi.setConfig({ testTimeout: 120_000 })

const FILES = 46

const ongoing = ({ incidents }: AppState) =>
  incidents.filter(({ kind, endedAt }) => kind === 'deleted' && endedAt === null)
const isCounted = ({ totals }: AppState, here: number, deleted: number) =>
  totals.sentFiles === here && totals.deletedFiles === deleted && totals.waitingFiles === 0

/** Runs `holdfast status`, which exits with 1 while an incident lasts. */
async function printStatus(data: string, code: number): Promise<string> {
  const status = startHoldfast(['status', '--data', data])
  expect(await status.ended(), status.out()).toBe(code)
  return status.out()
}

test('deleted files: state, status and incident show them until they are back, or a person accepts it', async () => {
  const data = temporaryDirectory('deleted')
  const images = path.join(temporaryDirectory('deleted-source'), 'images')
  for (let index = 0; index < FILES; index += 1) {
    const file = path.join(images, `d${index % 5}`, `photo-${index}`)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, `picture ${index}`)
  }
  const before = readTree(images)
  const agent = startHoldfast(['agent', '--data', data, images])
  const { sources, destinations } = await untilState(data, 'all to be sent', (state) =>
    isCounted(state, FILES, 0),
  )
  const id = sources[0]?.settings.id ?? ''

  for (const name of Object.keys(before).slice(0, 40)) rmSync(path.join(images, name))
  const gone = await untilState(data, 'an incident', (state) => ongoing(state).length === 1)
  expect(isCounted(gone, 6, 40)).toBe(true)
  expect(gone.sources[0]?.totals).toMatchObject({ sentFiles: 6, deletedFiles: 40 })
  expect(gone.status).toMatchObject({
    level: 'attention',
    sentence: { key: 'status.deleted', params: { count: 40, known: 46, name: 'images' } },
    detail: { key: 'status.keptHere' },
  })
  expect(ongoing(gone)).toMatchObject([{ sources: [id], sentence: { key: 'condition.deletedHere' } }])
  const printed = await printStatus(data, 1)
  expect(printed).toContain('40 of 46 files in images were deleted.')
  expect(await holdfast(['folders', '--data', data])).toMatch(
    /6 sent .*\n.*40 deleted here \(.*\), kept in the folder on this computer/,
  )
  expect(printed).toContain(`folders accept ${images}\n`)

  agent.child.kill('SIGTERM')
  await agent.ended()
  startHoldfast(['agent', '--data', data])
  const again = await untilState(data, 'the incident after a start', (state) => {
    return ongoing(state).length === 1 && isCounted(state, 6, 40)
  })
  expect(again.incidents.filter(({ kind }) => kind === 'deleted')).toHaveLength(1)

  expect(printed).toContain('restore --from embedded images --in-place --missing-only')
  const place = ['restore', '--from', 'embedded', 'images', '--in-place', '--missing-only']
  await holdfast([...place, '--data', data])
  const back = await untilState(data, 'them to be back', (state) => {
    return ongoing(state).length === 0 && isCounted(state, FILES, 0)
  })
  expect(back.status.level).not.toBe('attention')
  expect(readTree(images)).toEqual(before)
  const store = destinations[0]?.address ?? ''
  const names = await readdir(store, { recursive: true })
  expect(names.filter((name) => name.includes('versions/'))).toEqual([])

  for (const name of readdirSync(images)) rmSync(path.join(images, name), { recursive: true })
  await untilState(data, 'everything to be deleted', (state) => {
    return ongoing(state).length === 1 && isCounted(state, 0, FILES)
  })
  expect(await holdfast(['folders', 'accept', images, '--data', data])).toContain('is accepted')
  await untilState(data, 'the incident to end', (state) => {
    return ongoing(state).length === 0 && isCounted(state, 0, FILES)
  })
  expect(await askAgent(data)('acceptDeleted', { id })).toMatchObject({ done: false })
  expect(await holdfast(['folders', '--data', data])).toContain(`${FILES} deleted here`)
})
