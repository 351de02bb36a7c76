import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { readTree } from '../support/trees.ts'
import { until } from '../support/until.ts'
import { places, prepareWindows, writeFiles } from '../support/windows/places.ts'
import { toWindows } from '../support/windows/windows.ts'

const windows = prepareWindows()

test('folder: files and older versions are stored, verified and restored, and damage is found', async () => {
  const { at, make, data } = places()
  const [source, folder] = [make('source'), make('folder')]
  const { run } = windows()
  writeFiles(source, 40)
  const added = await run('destinations', 'add', 'folder', toWindows(folder), '--name', 'disk', ...data())
  expect(added).toMatchObject({ code: 0, err: '' })
  expect(await run('send', '--once', toWindows(source), ...data())).toMatchObject({ code: 0, err: '' })
  const first = readTree(source)
  writeFileSync(path.join(source, '0 µ.dat'), 'another content')
  expect(await run('send', '--once', toWindows(source), ...data())).toMatchObject({ code: 0, err: '' })

  expect(await run('verify', 'disk', ...data())).toMatchObject({ code: 0, err: '' })
  expect(await run('verify', toWindows(folder), ...data())).toMatchObject({ code: 0, err: '' })
  const back = toWindows(at('back'))
  expect(await run('restore', '--from', 'disk', '--to', back, ...data())).toMatchObject({ code: 0, err: '' })
  expect(readTree(at('back/source'))).toEqual(readTree(source))
  const direct = toWindows(at('direct'))
  expect(await run('restore', toWindows(folder), direct, ...data())).toMatchObject({ code: 0, err: '' })
  expect(Object.values(readTree(at('direct')))).toEqual(Object.values(readTree(source)))
  const all = Object.values(readTree(path.join(folder, '.holdfast'), /^$/))
  expect(all).toContain(first['0 µ.dat'])

  const [stored = ''] = Object.keys(readTree(folder)).filter((name) => name.endsWith('/run 1/1 µ.dat'))
  truncateSync(path.join(folder, stored), 7)
  const found = await run('verify', toWindows(folder), ...data())
  expect(found).toMatchObject({ code: 1 })
  expect(found.out).toContain('1 µ.dat')
})

test('a stored file or a file to restore that another program has open is named, and replaced once it is closed', async () => {
  const { at, make, data } = places()
  const { run, start, hold } = windows()
  const [source, folder, back] = [make('source'), make('folder'), make('back')]
  writeFiles(source, 2)
  await run('destinations', 'add', 'folder', toWindows(folder), '--name', 'disk', ...data())
  const settings = JSON.parse(readFileSync(at('data/settings.json'), 'utf8'))
  // A file that cannot be stored ends a run after this time without a change.
  settings.scan.quietSeconds = 0.5
  writeFileSync(at('data/settings.json'), JSON.stringify(settings))
  expect(await run('send', '--once', toWindows(source), ...data())).toMatchObject({ code: 0, err: '' })
  const [opened = '', other = ''] = Object.keys(readTree(source))
  const [stored = ''] = Object.keys(readTree(folder)).filter((name) => name.endsWith(opened))
  for (const name of [opened, other]) writeFileSync(path.join(source, name), `changed ${name}`)
  const close = await hold(path.join(folder, stored))
  const once = await run('send', '--once', toWindows(source), ...data())
  expect(once).toMatchObject({ code: 1 })
  expect(once.err).toMatch(new RegExp(`^${opened}: .* was not sent: another program has the file open`, 'm'))
  const isStored = (name: string) => Object.values(readTree(folder)).includes(readTree(source)[name] ?? '')
  expect([isStored(other), isStored(opened)]).toEqual([true, false])
  await close()
  expect(await run('send', '--once', toWindows(source), ...data())).toMatchObject({ code: 0, err: '' })
  mkdirSync(at('back/source'))
  writeFileSync(at(`back/source/${opened}`), 'other')
  const letGo = await hold(at(`back/source/${opened}`))
  const restore = ['restore', '--from', 'disk', '--to', toWindows(back), '--overwrite', ...data()]
  const { code, out } = await run(...restore)
  expect(code).toBe(1)
  expect(out).toContain(`${opened} was not restored: another program has the existing file open`)
  expect(Object.keys(readTree(at('back/source'), /^$/))).toHaveLength(2)
  const restoring = start(restore)
  const isWritten = () => readdirSync(at('back/source')).some((name) => name.startsWith('.holdfast-restore-'))
  await until('the file has all but its name', isWritten)
  await letGo()
  expect(await restoring.ended).toMatchObject({ code: 0, err: '' })
  expect(readTree(at('back/source'), /^$/)).toEqual(readTree(source))
})
