import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { holdfast, readState, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const FILES = 1_000

/**
 * A closed directory. bit: as isocket leaves one whose files it has sent, or as a producer with umask 002 does; watch:
 * another program has marked it.
 */
function markedTree(name: string, by: 'bit' | 'watch' = 'bit'): { root: string; watch: string } {
  const root = path.join(temporaryDirectory(name), 'datas')
  const directory = path.join(root, 'DC1')
  mkdirSync(directory, { recursive: true })
  for (let index = 0; index < FILES; index += 1) {
    writeFileSync(path.join(directory, `file-${index}`), `${index}`)
    chmodSync(path.join(directory, `file-${index}`), by === 'bit' ? 0o664 : 0o644)
  }
  writeFileSync(path.join(directory, 'finished.parse'), '')
  if (by === 'watch') writeFileSync(path.join(directory, 'finished.watch'), '')
  return { root, watch: path.join(directory, 'finished.watch') }
}

const asked = ({ incidents }: AppState) =>
  incidents.find(({ kind, endedAt }) => kind === 'marked' && endedAt === null)
const getTotals = ({ sources: [source] }: AppState) => source?.totals

test.each([
  ['confirm', 'the group-write bit', 'they count as sent, and travel nowhere'],
  ['send', 'finished.watch of another program', 'they are sent'],
] as const)(
  "marked files: `folders %s` decides about 1,000 files with isocket's mark (%s): %s",
  async (answer, _mark, _meaning) => {
    const by = answer === 'send' ? 'watch' : 'bit'
    const data = temporaryDirectory(`marked-${answer}`)
    const { root, watch } = markedTree(`marked-${answer}-source`, by)
    startHoldfast(['agent', '--data', data, '--batch', '--prefix', 'DC', root])
    await until('the agent to answer', () => readState(data))
    const state = await untilState(data, 'it to be asked', (now) => asked(now) !== undefined)
    expect(state.status).toMatchObject({ level: 'attention', sentence: { key: 'status.marked' } })
    expect(asked(state)?.sentence.params).toMatchObject({ count: FILES, directories: 'DC1' })
    expect(getTotals(state)).toMatchObject({ sentFiles: 0, waitingFiles: 0 })
    expect(existsSync(watch)).toBe(by === 'watch')

    const lines = await holdfast(['folders', '--data', data])
    expect(lines).toMatch(/1,000 files of datas carry isocket's mark/)
    expect(lines).toContain(`folders ${answer} ${root}\n`)
    const said = await holdfast(['folders', answer, root, '--json', '--data', data])
    expect(JSON.parse(said)).toEqual({ path: root, answer, files: FILES })

    await until('it is marked', () => existsSync(watch))
    const after = await untilState(
      data,
      'nothing to be asked',
      (now) => asked(now) === undefined && getTotals(now)?.sentFiles === FILES,
    )
    expect(getTotals(after)?.waitingFiles).toBe(0)
    const copies = after.destinations[0]?.address ?? ''
    expect(await filesBelow(copies)).toBe(answer === 'send' ? FILES : 0)
    // All decisions are made.
    const again = startHoldfast(['folders', answer, root, '--data', data])
    expect(await again.ended()).toBe(1)
  },
)

async function filesBelow(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true })
  return names.filter((name) => path.basename(name).startsWith('file-')).length
}

test("`send --once`: 1,000 files with isocket's mark are reported and not sent; --marked send sends them", async () => {
  const data = temporaryDirectory('marked-once')
  const { root, watch } = markedTree('marked-once-source')
  const words = ['send', '--once', '--prefix', 'DC', '--data', data]
  const once = startHoldfast([...words, '--json', root])
  expect(await once.ended(), once.err()).toBe(0)
  expect(JSON.parse(once.out())).toMatchObject({ sent: 0, unsent: 0, marked: FILES })
  expect(once.err()).toMatch(/1,000 files carry isocket's mark .*--marked confirm.*--marked send/)
  expect(existsSync(watch)).toBe(false)
  // A later run begins where the first one has adopted the source.
  writeFileSync(path.join(root, 'DC1/late'), 'late')
  chmodSync(path.join(root, 'DC1/late'), 0o664)
  const later = startHoldfast([...words, '--json', '--marked', 'send', root])
  expect(await later.ended(), later.err()).toBe(0)
  expect(JSON.parse(later.out())).toMatchObject({ sent: FILES + 1, unsent: 0, marked: 0 })
  expect(existsSync(watch)).toBe(true)
})
