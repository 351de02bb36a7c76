import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { readTree } from '../support/trees.ts'
import { until } from '../support/until.ts'
import { places, prepareWindows, writeFiles } from '../support/windows/places.ts'
import { toWindows, type Windows } from '../support/windows/windows.ts'

const windows = prepareWindows()

/** Adds a folder as the only destination. */
async function addFolder({ run }: Windows, folder: string, data: string[]): Promise<void> {
  const added = await run('destinations', 'add', 'folder', toWindows(folder), '--name', 'disk', ...data)
  expect(added).toMatchObject({ code: 0, err: '' })
}

interface Status {
  totals: { waitingFiles: number; sentFiles: number; parkedFiles: number }
}

const getStatus = async ({ run }: Windows, data: string[]): Promise<Status> =>
  JSON.parse((await run('status', '--json', ...data)).out)

test('agent: a new file is sent while it runs, and the command line finds it in any spelling of its directory', async () => {
  const { make, data } = places()
  const [source, folder] = [make('source'), make('folder')]
  await addFolder(windows(), folder, data())
  writeFiles(source, 20)
  const agent = windows().start(['agent', toWindows(source), ...data()])
  const status = () => getStatus(windows(), data())
  await until('all is sent', async () => (await status()).totals.sentFiles === 20)
  writeFileSync(path.join(source, 'new.dat'), 'new')
  await until('the new file is sent', async () => (await status()).totals.sentFiles === 21)
  const [option = '', directory = ''] = data()
  const spelled = [option, directory.toUpperCase()]
  expect(await windows().run('status', ...spelled)).toMatchObject({ code: 0 })
  expect(Object.values(readTree(folder)).sort()).toEqual(Object.values(readTree(source)).sort())
  await agent.kill()
  expect(await windows().run('status', ...data())).toMatchObject({ code: 3 })
})

test('batch source: a directory is marked once all its files are sent, and none is lost', async () => {
  const { make, data } = places()
  const [source, folder] = [make('source'), make('folder')]
  await addFolder(windows(), folder, data())
  for (const name of ['batch 1', 'batch 2', 'batch 3']) {
    mkdirSync(path.join(source, name))
    writeFiles(path.join(source, name), 12)
  }
  for (const name of ['batch 1', 'batch 2']) writeFileSync(path.join(source, name, 'finished.parse'), '')
  const agent = windows().start(['agent', ...data()])
  await until('the agent runs', async () => (await windows().run('status', ...data())).code !== 3)
  const added = await windows().run('folders', 'add', toWindows(source), '--batch', ...data())
  expect(added).toMatchObject({ code: 0 })
  const isMarked = (name: string) => existsSync(path.join(source, name, 'finished.watch'))
  await until('the closed ones are marked', () => isMarked('batch 1') && isMarked('batch 2'), 90_000)
  const stored = Object.values(readTree(folder))
  for (const digest of Object.values(readTree(path.join(source, 'batch 1'), /finished/)))
    expect(stored).toContain(digest)
  await agent.kill()
})

test('a file that another program keeps to itself, or writes, is named, holds up no other, and is sent later', async () => {
  const { make, data } = places()
  const [source, folder] = [make('source'), make('folder')]
  await addFolder(windows(), folder, data())
  writeFiles(source, 8)
  const locked = path.join(source, 'locked.dat')
  writeFileSync(locked, 'locked')
  const letGo = await windows().hold(locked)
  const unfinished = path.join(source, 'unfinished.dat')
  writeFileSync(unfinished, 'half')
  const close = await windows().hold(unfinished, { shared: true })
  const once = await windows().run('send', '--once', toWindows(source), ...data())
  expect(once).toMatchObject({ code: 1 })
  expect(once.err).toContain('locked.dat is open in another program')
  expect(once.err).toMatch(/unfinished\.dat: .*writ/)
  expect(Object.keys(readTree(folder))).toHaveLength(8)

  const agent = windows().start(['agent', toWindows(source), ...data()])
  const status = () => getStatus(windows(), data())
  await until('the file is parked', async () => (await status()).totals.parkedFiles === 1)
  await until('the unfinished file is named', async () =>
    (await windows().run('status', ...data())).out.includes('unfinished.dat'),
  )
  await letGo()
  await until('it is sent', () => Object.keys(readTree(folder)).length === 9)
  expect(Object.keys(readTree(folder)).join()).not.toContain('unfinished')
  await close()
  await until('the finished one is sent, too', () => Object.keys(readTree(folder)).length === 10)
  await agent.kill()
})
