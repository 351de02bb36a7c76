import { mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { readState, untilState } from '../../support/agent/two-receivers.ts'
import { headless } from '../../support/alerts/headless.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** `current` leads to `run-7`; `run-8` is beside it. */
function linked() {
  const base = realpathSync(temporaryDirectory('links'))
  const [before, after, link] = ['run-7', 'run-8', 'current'].map((name) => path.join(base, name)) as [
    string,
    string,
    string,
  ]
  for (const directory of [before, after]) {
    mkdirSync(directory)
    writeFileSync(path.join(directory, path.basename(directory)), 'content')
  }
  symlinkSync(before, link)
  const lead = (to: string | null) => {
    rmSync(link)
    if (to !== null) symlinkSync(to, link)
  }
  return { before, after, link, lead }
}

async function running() {
  const home = headless({ version: 1, check: { intervalSeconds: 1 }, notifications: false })
  home.startAgent()
  await until('it runs', () => readState(home.directory))
  const open = async (id: string | null) =>
    untilState(home.directory, `a link that moved: ${id}`, ({ incidents }) => {
      const links = incidents
        .filter(({ endedAt }) => endedAt === null)
        .flatMap(({ failing }) => Object.keys(failing).filter((one) => one.startsWith('link:')))
      return id === null ? links.length === 0 : links.includes(`link:${id}`)
    })
  return { ...home, open }
}

test('links: a directory added by a link is known by it; a moved link is an incident that names its command', async () => {
  const { before, after, link, lead } = linked()
  const { says, run, directory, open } = await running()
  expect((await run(['agent', link])).out).toContain(
    `${link} is, or passes through, a link: ${before} is used`,
  )
  const listed = async () => JSON.parse(await says(['folders', '--json'])).sources
  expect(await listed()).toMatchObject([{ path: before, link }])
  expect(await says(['folders'])).toContain(link)
  await untilState(directory, 'its check', ({ sources }) => sources[0]?.checked != null)

  lead(after)
  const { sources, incidents } = await open((await listed())[0].id)
  expect(sources[0]?.settings.path).toBe(before)
  const sentence = englishWords(incidents.find(({ endedAt }) => endedAt === null)?.sentence as never)
  expect(sentence).toContain(`${link} leads to ${after} now. Holdfast still uses ${before}`)
  const command = `holdfast folders follow ${link}\``
  expect(sentence).toContain(command)
  // The same name is the same thing: no second source is made of it.
  const again = await run(['agent', link])
  expect([again.code, again.err]).toEqual([1, expect.stringContaining(command)])

  // Files that were made within a millisecond are equally new.
  writeFileSync(path.join(after, 'run-8-later'), 'later')
  expect(await says(['folders', 'follow', link])).toContain(after)
  expect(await listed()).toMatchObject([{ path: after, link }])
  await open(null)
  await untilState(directory, 'the file of the new place', ({ sources: [one] }) => {
    return one?.lastFile?.path.includes('run-8') === true
  })
  expect(await says(['folders', 'pause', link])).toContain('paused')
  await says(['folders', 'remove', link])
  expect(await listed()).toEqual([])
})

test('links: a checked path added by a link can follow it, or stay and drop it', async () => {
  const { before, after, link, lead } = linked()
  const { says, directory, open } = await running()
  expect(await says(['folders', 'check', link])).toContain(`a link: ${before} is used`)
  const checked = async () => JSON.parse(await says(['folders', '--json'])).checkedPaths
  await untilState(directory, 'its check', ({ checkedPaths }) => checkedPaths[0]?.checked != null)
  lead(after)
  await open((await checked())[0].id)
  await says(['folders', 'follow', link])
  expect(await checked()).toMatchObject([{ path: after, link }])
  await open(null)

  lead(null)
  const { incidents } = await open((await checked())[0].id)
  const sentences = incidents
    .filter(({ endedAt }) => endedAt === null)
    .map((one) => englishWords(one.sentence))
  expect(sentences.join()).toContain(`${link} no longer leads anywhere. Holdfast still uses ${after}`)
  await says(['folders', 'follow', link, '--stay'])
  expect(await checked()).toMatchObject([{ path: after, link: null }])
  await open(null)
})
