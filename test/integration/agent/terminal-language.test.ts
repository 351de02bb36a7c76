import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { holdfast, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const ENGLISH = { LC_ALL: 'C' }
const CHINESE = { LC_ALL: 'zh_TW.UTF-8' }

/** What a command says on its two outputs. */
async function saidBy(words: readonly string[], env: Record<string, string>): Promise<string> {
  const command = startHoldfast([...words], env)
  await command.ended()
  return `${command.out()}${command.err()}`
}

/** What stays as it is in each language: paths, names, commands to type, options, rules, units, names of errors and steps. */
const KEPT = [
  /(?:holdfast|sudo|journalctl|loginctl)(?: [\w'./-]+)*/g,
  /[\w.:~-]*\/[^\s，。：（）、]*/g,
  /「[^」]*」/g,
  /步驟 \w+/g,
  /\b(?:check\.\w+|on 或 off)/g,
  /--[\w-]+/g,
  /\b(?:mon|tue|wed|thu|fri|daily)\b.*/g,
  /\b(?:KiB|MiB|GiB|TiB|UTC|SMART|p99|HOLDFAST_\w+|E[A-Z]{3,}|Holdfast|NetworkManager|ntfy|photos|disk)\b/g,
]

/** The words of English that are left. */
const englishIn = (said: string): string[] =>
  KEPT.reduce((left, kept) => left.replace(kept, ' '), said).match(/[a-z]{3,}/gi) ?? []

/** An agent with something of everything: filters, limits, a channel, a folder, and a path that has gone. */
async function busyAgent() {
  const base = temporaryDirectory('terminal-language')
  const at = (name: string) => path.join(base, name)
  const [data, root, disk, gone] = [at('data'), at('photos'), at('disk'), at('gone')]
  for (const directory of [root, disk, gone]) mkdirSync(directory)
  writeFileSync(path.join(root, 'a'), 'one file')
  startHoldfast(['agent', '--data', data, root])
  await untilState(data, 'the agent to watch', ({ sources }) => sources[0]?.scanned?.phase === 'watching')
  const about = ['--data', data]
  await holdfast(['folders', 'check', gone, ...about])
  await untilState(data, 'a verdict', ({ checkedPaths }) => checkedPaths[0]?.checked?.overall.kind === 'ok')
  await holdfast(['destinations', 'add', 'folder', disk, '--name', 'disk', ...about])
  await untilState(data, 'the file to be sent', ({ totals }) => totals.sentFiles === 1)
  await holdfast([
    ...[
      'folders',
      'change',
      root,
      '--ignore',
      'x',
      '--hidden',
      'leave-out',
      '--min-size',
      '2',
      '--max-size',
      '9G',
    ],
    ...['--min-age', '1s', '--priority', 'high', '--delete-after', '30d', '--tell-silence', '12h', ...about],
  ])
  await holdfast(['failures', 'mute', root, '4h', ...about])
  await holdfast([
    'settings',
    'limit',
    '10M',
    '--rule',
    'mon-fri 08:00-18:00 1M',
    '--pause-on-battery',
    ...about,
  ])
  await holdfast(['channels', 'add', 'ntfy', '--option', 'topic=t', '--standby', ...about])
  rmSync(gone, { recursive: true })
  await untilState(data, 'an incident', ({ incidents }) => incidents.length > 0)
  return { data, about, root, gone, nowhere: at('nowhere') }
}

test('terminal language: commands print Chinese without English sentences, or English alone', async () => {
  const { about, root, gone, nowhere } = await busyAgent()
  const commands = [
    ['status'],
    ['folders'],
    ['folders', 'change', root],
    ['folders', 'check', nowhere],
    ['folders', 'retry', nowhere],
    ['destinations'],
    ['destinations', 'test', 'disk'],
    ['destinations', 'test', 'nowhere'],
    ['settings', 'check.diskHealth'],
    ['settings', 'nowhere'],
    ['settings', 'limit'],
    ['settings', 'limit', '1M', '--rule', 'daily 08:00-18:00 1M', '--no-rules'],
    ['destinations', 'keep'],
    ['channels'],
    ['channels', 'rules'],
    ['channels', 'test', 'nowhere'],
    ['failures'],
    ['failures', 'acknowledge', 'nowhere'],
    ['history', gone],
    ['history', nowhere],
    ['folders', 'pause', '--for', '1h', '--until-tomorrow'],
    ['folders', 'resume'],
    ['verify', 'disk'],
    ['verify', 'nowhere'],
    ['verify', nowhere],
    ['restore', '--from', 'disk', '--list'],
    ['restore', '--from', 'disk', '--computers'],
    ['settings', 'import', nowhere],
    ['send', '--once', root],
    ['pair', 'nonsense'],
  ]
  for (const words of commands) {
    const command = [...words, ...about]
    const [chinese, english] = await Promise.all([saidBy(command, CHINESE), saidBy(command, ENGLISH)])
    expect(chinese, words.join(' ')).toMatch(/\p{Script=Han}/u)
    expect(englishIn(chinese), `${words.join(' ')}: ${chinese}`).toEqual([])
    expect(english, words.join(' ')).not.toMatch(/\p{Script=Han}/u)
    expect(english).toMatch(/[a-z]{2,}/i)
  }
  const forScripts = await saidBy(['failures', '--json', ...about], CHINESE)
  expect(forScripts).toMatch(/"text":"\/.* is missing/)
  expect(forScripts).not.toMatch(/\p{Script=Han}/u)
})

test('terminal language: output for scripts is the same in each language', async () => {
  const data = temporaryDirectory('terminal-language-json')
  for (const words of [
    ['destinations', 'keep'],
    ['settings', 'limit'],
    ['folders'],
    ['destinations'],
    ['channels'],
    ['settings', 'export'],
  ]) {
    const command = [...words, '--data', data, ...(words[1] === 'export' ? [] : ['--json'])]
    expect(await saidBy(command, CHINESE)).toBe(await saidBy(command, ENGLISH))
  }
  writeFileSync(path.join(data, 'a.log'), '')
  for (const words of [
    ['check', '--json', path.join(data, 'no', 'where')],
    ['send', '--list', '--why', '--json', data, '--ignore', '*.log'],
  ]) {
    const lines = (await saidBy(words, CHINESE)).split('\n')
    // The log beside it is for people.
    const said = lines.filter((line) => line.startsWith('{')).join('\n')
    expect(said).toMatch(/"(sentence|why)":"[^"]+ /)
    expect(said).not.toMatch(/\p{Script=Han}/u)
  }
  expect(await saidBy(['destinations', 'keep', '--help'], CHINESE)).toBe(
    await saidBy(['destinations', 'keep', '--help'], ENGLISH),
  )
  expect(await saidBy(['destinations', 'keep', '--within', 'x'], CHINESE)).toContain(
    'It must be a time such as 90s',
  )
})
