import { globSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { nothing } from '../../../core/agent/answering.ts'
import { commands, isRecorded } from '../../../core/agent/contract.ts'
import { desktopCommands } from '../../../core/agent/desktop-contract.ts'
import type { RecordedChange } from '../../../core/agent/parts/changes/contract.ts'
import { getActorName, noteSettings, recordCommands } from '../../../core/agent/recording.ts'
import { english, textsOf } from '../../../core/lib/i18n/dictionaries.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { defaultSettings, type Settings, settingsSchema } from '../../../core/settings/schema.ts'

const by = { via: 'page', name: 'ada' } as const
const names = Object.keys({ ...commands, ...desktopCommands })

/** Handlers of all commands that do the same, and what they record. */
function createRecorded(run: (input: unknown) => Promise<unknown>, settings: Settings = defaultSettings) {
  const kept: RecordedChange[] = []
  const all = Object.fromEntries(names.map((name) => [name, run]))
  const recorder = {
    by,
    known: () => ({ settings }),
    keep: (change: RecordedChange) => void kept.push(change),
  }
  return { kept, handlers: recordCommands(all as Record<string, typeof run>, recorder) }
}

const photos = settingsSchema.parse({
  sources: [{ id: 's', path: '/photos', name: 'Photos', priority: 'high' }],
  check: { intervalSeconds: 60 },
})

test('commands: no two parts of the agent define the same one', async () => {
  const folder = path.resolve(import.meta.dirname, '../../../core/agent/parts')
  const modules = await Promise.all(
    globSync('*/contract.ts', { cwd: folder }).map(
      (file) => import(path.join(folder, file)) as Promise<Record<string, object>>,
    ),
  )
  const contracts = modules.flatMap((one) =>
    Object.entries(one).filter(([name]) => name.endsWith('Contract')),
  )
  expect(contracts.length).toBe(modules.length)
  const defined = contracts.flatMap(([, contract]) => Object.keys(contract))
  expect(defined.length).toBeGreaterThan(80)
  expect([...defined, 'snapshot'].sort()).toEqual(Object.keys(commands).sort())
})

test('recorded changes: a command either is one that changes nothing, or is recorded in both languages', async () => {
  const secret = 'hunter2'
  const input = { id: 's', code: secret, secrets: { token: secret }, identity: secret, settings: { secret } }
  const { kept, handlers } = createRecorded(async () => ({}), photos)
  for (const name of names) {
    const before = kept.length
    await handlers[name]?.(input)
    expect([name, kept.length - before]).toEqual([name, isRecorded(name) ? 1 : 0])
  }
  for (const { sentence } of kept) {
    for (const dictionary of [english(), textsOf('zh-TW')] as Record<string, string>[])
      expect(dictionary).toHaveProperty([sentence.key])
    expect(englishWords(sentence)).toMatch(/^[A-Z].*\.$/)
  }
  expect(JSON.stringify(kept)).not.toContain(secret)
  // A command without an output is there for what it changes.
  const actions = Object.entries(commands).filter(([, { output }]) => output === nothing)
  expect(actions.flatMap(([name]) => (isRecorded(name) ? [] : [name]))).toEqual(['checkNow'])
})

test('recorded changes: each command has the settings that it changed, also if others run at the same time', async () => {
  const slow = Promise.withResolvers<void>()
  const next = settingsSchema.parse({
    ...photos,
    sources: [{ ...photos.sources[0], priority: 'low', ignore: ['x'.repeat(300)] }],
    check: {},
  })
  const { kept, handlers } = createRecorded(async (input) => {
    expect(getActorName()).toBe('ada')
    if (input === 'slow') {
      await slow.promise
      return noteSettings(photos, { ...photos, sources: next.sources })
    }
    return noteSettings(photos, { ...photos, check: next.check })
  }, photos)
  const first = handlers.changeSource?.('slow')
  await handlers.changeSettings?.({ check: { intervalSeconds: 10 } })
  slow.resolve()
  await first
  expect(kept.map(({ differences }) => differences)).toEqual([
    [{ kind: 'setting', change: 'changed', name: 'check.intervalSeconds', details: ['60', '10'] }],
    [{ kind: 'source', change: 'changed', name: 'Photos', details: ['ignore', 'priority: "high" → "low"'] }],
  ])
  noteSettings(photos, next)
  expect(kept).toHaveLength(2)
})

test('recorded changes: a long list shows the elements that changed', async () => {
  const rule = (pattern: string, withinMinutes: number) => ({ pattern, everyMinutes: 60, withinMinutes })
  const toSettings = (...expected: object[]) =>
    settingsSchema.parse({ ...photos, sources: [{ ...photos.sources[0], expected }] })
  const others = ['a', 'b', 'c'].map((name) => rule(`${name}{YYYY}{DOY}{HH}.rnx`, 5))
  const { kept, handlers } = createRecorded(async () =>
    noteSettings(toSettings(...others, rule('d', 5)), toSettings(...others, rule('d', 9))),
  )
  await handlers.changeSource?.({ id: 's' })
  const [detail = ''] = kept[0]?.differences[0]?.details ?? []
  expect(detail).toMatch(
    /^expected: - \{"pattern":"d",.*"withinMinutes":5.*\}, \+ \{"pattern":"d",.*"withinMinutes":9/,
  )
  expect(detail).not.toContain('rnx')
})

test('recorded changes: a refused command is recorded only if it changed settings, and many settings are counted', async () => {
  const sources = Array.from({ length: 60 }, (_, index) => ({
    ...{ id: `s${index}`, path: `/${index}`, name: `Folder ${index}` },
  }))
  const { kept, handlers } = createRecorded(async (input) => {
    if (input === 'late') noteSettings(defaultSettings, settingsSchema.parse({ sources }))
    throw new Error('refused')
  })
  await expect(handlers.importSettings?.('early')).rejects.toThrow('refused')
  expect(kept).toEqual([])
  await expect(handlers.importSettings?.('late')).rejects.toThrow('refused')
  expect(kept).toMatchObject([{ by, more: 10, sentence: { key: 'change.importSettings' } }])
  expect(kept[0]?.differences).toHaveLength(50)
})

test('recorded changes: the name of what is changed is the one before the change, and places of restores differ', async () => {
  const { kept, handlers } = createRecorded(async () => ({}), photos)
  await handlers.removeSource?.({ id: 's' })
  await handlers.addCheckedPath?.({ path: '/mnt' })
  await handlers.restoreStart?.({ destination: 'd', to: null })
  await handlers.restoreStart?.({ destination: 'd', to: '/elsewhere' })
  expect(kept.map(({ sentence }) => englishWords(sentence))).toEqual([
    'Removed the folder Photos.',
    'Added /mnt, which is only checked.',
    'Started restoring files from  in place.',
    'Started restoring files from  to another place.',
  ])
})
