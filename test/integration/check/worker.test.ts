import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { probeKinds } from '../../../core/check/messages.ts'
import { INTERVAL_MS, startCheckerProcess } from '../../support/check-client.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const all = [...probeKinds]

describe('the checker worker', () => {
  it('checks a directory, a file and an empty file, each with what fits it', async () => {
    const directory = temporaryDirectory()
    const [full, empty] = ['full', 'empty'].map((name) => path.join(directory, name))
    writeFileSync(full ?? '', 'x'.repeat(10_000))
    writeFileSync(empty ?? '', '')
    const paths = [directory, full, empty].map((at, index) => ({
      id: `p${index}`,
      path: at ?? '',
      probes: all,
    }))
    const checker = await startCheckerProcess({ paths })
    const [ofDirectory, ofFull, ofEmpty] = await Promise.all(paths.map(({ id }) => checker.sees(id, 'ok')))
    expect(Object.keys(ofDirectory?.probes ?? {}).sort()).toEqual(['mount', 'read', 'write'])
    expect(Object.keys(ofFull?.probes ?? {}).sort()).toEqual(['mount', 'read'])
    expect(ofEmpty?.delayMs).toBeGreaterThan(0)
    expect(ofDirectory?.mount?.point).toMatch(/^\//)
  })

  it('sees a file removed, back, and a directory in its place', async () => {
    const file = path.join(temporaryDirectory(), 'file')
    writeFileSync(file, 'x')
    const checker = await startCheckerProcess({ paths: [{ id: 'p', path: file, probes: all }] })
    await checker.sees('p', 'ok')
    renameSync(file, `${file}.away`)
    const gone = await checker.sees('p', 'missing', 2_000)
    expect(gone.overall).toMatchObject({ step: 'open', code: 'ENOENT', sentence: { key: 'check.missing' } })
    renameSync(`${file}.away`, file)
    await checker.sees('p', 'ok', 2_000)
    rmSync(file)
    mkdirSync(file)
    await until(
      'it to be probed as a directory',
      () => checker.reports('p').at(-1)?.probes.write?.kind === 'ok',
    )
  })

  it('finds hung paths, keeps the healthy ones on their timetable, and stops at once', async () => {
    const directory = temporaryDirectory()
    const fifos = Array.from({ length: 50 }, (_, index) => path.join(directory, `fifo${index}`))
    execFileSync('mkfifo', fifos)
    const healthy = path.join(directory, 'healthy')
    writeFileSync(healthy, 'x')
    const paths = [...fifos, healthy].map((at, index) => ({ id: `p${index}`, path: at, probes: all }))
    const checker = await startCheckerProcess({ paths })
    const hung = await checker.sees('p49', 'hung', 4_000)
    expect(hung.probes).toMatchObject({ mount: { kind: 'ok' }, read: { kind: 'hung', step: 'open' } })
    await until('five more checks of the healthy one', () => checker.reports('p50').length >= 6)
    const ticks = checker.reports('p50').map(({ at }) => at)
    for (const { overall } of checker.reports('p50')) expect(overall.kind).toBeOneOf(['ok', 'slow'])
    const first = ticks[0] ?? 0
    for (const [tick, at] of ticks.entries())
      expect(Math.abs(at - first - tick * INTERVAL_MS)).toBeLessThan(250)
    // A writer comes: the late answer is no recovery. Opened without blocking it closes at once: the end of file.
    const before = checker.reports('p0').length
    closeSync(openSync(fifos[0] ?? '', constants.O_WRONLY | constants.O_NONBLOCK))
    await until('its next check to hang too', () => checker.reports('p0').length > before + 1)
    expect(checker.reports('p0').every(({ overall }) => overall.kind === 'hung')).toBe(true)
    expect(await checker.stop()).toBeLessThan(1_500)
  })

  it('leaves no open file, no thread and no probe file behind after many failing checks', async () => {
    const directory = temporaryDirectory()
    const paths = Array.from({ length: 300 }, (_, index) => ({
      id: `p${index}`,
      path: index % 2 === 0 ? path.join(directory, `none${index}`) : directory,
      probes: all,
    }))
    const checker = await startCheckerProcess({ paths })
    await checker.sees('p299', 'ok')
    await until('all to be checked', () => paths.every(({ id }) => checker.reports(id).length > 0))
    const files = () => until('no check to be out', () => checker.openFiles() < 60 && checker.openFiles())
    const before = { files: await files(), threads: checker.threads() }
    await until('five rounds', () => paths.every(({ id }) => checker.reports(id).length > 5), 20_000)
    expect(await files()).toBeLessThanOrEqual(before.files + 2)
    expect(checker.threads()).toBe(before.threads)
    await checker.stop()
    const left = readdirSync(directory).filter((name) => name.startsWith('.holdfast-probe-'))
    // Stopping does not wait for the checks that are out just then.
    expect(left.length).toBeLessThanOrEqual(4)
  })

  it('removes what a killed run left behind, and leaves living strangers alone', async () => {
    const directory = temporaryDirectory()
    const names = new Set<string>()
    const watcher = watch(directory, (_, name) => names.add(name ?? ''))
    onTestFinished(() => watcher.close())
    const first = await startCheckerProcess({ paths: [{ id: 'p', path: directory, probes: all }] })
    const name = await until('a probe file', () =>
      [...names].find((entry) => entry.startsWith('.holdfast-probe-')),
    )
    await first.stop()
    writeFileSync(path.join(directory, name), 'left by a killed run')
    const stranger = '.holdfast-probe-00000000-1-00000000-1'
    writeFileSync(path.join(directory, stranger), 'in use elsewhere')
    writeFileSync(path.join(directory, '.holdfast-probe-notes'), 'somebody else’s')
    const second = await startCheckerProcess({ paths: [{ id: 'p', path: directory, probes: all }] })
    await second.sees('p', 'ok')
    await until('the file to be gone', () => !readdirSync(directory).includes(name))
    expect(readdirSync(directory)).toEqual(expect.arrayContaining([stranger, '.holdfast-probe-notes']))
  })
})
