import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { until } from '../support/until.ts'
import { places, prepareWindows } from '../support/windows/places.ts'
import { toWindows } from '../support/windows/windows.ts'

const windows = prepareWindows()

test('version and status: the command answers, without an agent too', async () => {
  const { data } = places()
  expect(await windows().run('--version')).toEqual({
    code: 0,
    out: expect.stringMatching(new RegExp(`^${manifest.version}(\\+[0-9a-f]{8})?\n$`)),
    err: '',
  })
  expect(await windows().run('status', ...data())).toMatchObject({ code: 3, out: '' })
})

test('check: delays, and errors with their number and text, are printed until the input ends', async () => {
  const { at, make } = places()
  const file = path.join(make('disk'), 'sample.dat')
  writeFileSync(file, 'sample')
  const [there, missing] = [toWindows(file), toWindows(at('disk/missing.dat'))]
  const checking = windows().start(['check'])
  checking.write(`start ${there} 1\nstart ${missing} 1\n`)
  await until('both were checked', () => checking.output.out.split('\ncheck ').length > 2)
  const { out } = await checking.kill()
  expect(out).toContain(`check ${missing} 2 No such file or directory\n`)
  expect(out).toMatch(/^check .*sample\.dat 0 \d+\.\d{6}$/m)
})

test('probe: a directory in which files can be created is in order, and one that is missing is named', async () => {
  const { at, make } = places()
  expect(await windows().run('check', toWindows(make('disk')))).toEqual({ code: 0, out: '', err: '' })
  const failed = await windows().run('check', '--json', `${toWindows(at('nowhere'))}\\below\\name`)
  expect(failed).toMatchObject({ code: 1 })
  expect(JSON.parse(failed.out)).toMatchObject({ well: false, paths: [{ code: 'ENOENT' }] })
})

test('service: the task of the agent is written, and counts as running only when Windows reports that', async () => {
  const { data } = places()
  const service = (does: string, ...more: string[]) =>
    windows().run('service', does, 'agent', '--user', ...more)
  expect(await service('install', ...data())).toMatchObject({ code: 0, err: '' })
  const { code, out } = await service('status', '--json')
  // Wine keeps the task, and starts no program for it.
  expect({ code, ...JSON.parse(out) }).toMatchObject({ code: 3, installed: true, running: false })
  expect(await service('uninstall')).toMatchObject({ code: 0, err: '' })
  expect(JSON.parse((await service('status', '--json')).out)).toMatchObject({ installed: false })
})
