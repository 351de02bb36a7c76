import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { probeKinds } from '../../../core/check/messages.ts'
import { INTERVAL_MS, startCheckerProcess } from '../../support/check-client.ts'
import { probeFiles } from '../../support/check-faults.ts'
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
    await until('as few open files as before', () => checker.openFiles() <= before.files + 2)
    expect(checker.threads()).toBe(before.threads)
    await checker.stop()
    const left = probeFiles(directory)
    // Stopping does not wait for the checks that are out just then.
    expect(left.length).toBeLessThanOrEqual(4)
  })

  it('isolates a steady file that begins to hang, without an effect on the others, and takes it back', async () => {
    const directory = temporaryDirectory()
    const files = Array.from({ length: 50 }, (_, index) => path.join(directory, `file${index}`))
    for (const file of files) writeFileSync(file, 'x')
    const [victim = ''] = files
    const paths = files.map((at, index) => ({ id: `p${index}`, path: at, probes: all }))
    const checker = await startCheckerProcess({ paths })
    await until('it to be steady', () => checker.reports('p0').length >= 4)
    execFileSync('mkfifo', [`${victim}.fifo`])
    renameSync(victim, `${victim}.away`)
    renameSync(`${victim}.fifo`, victim)
    const hung = await checker.sees('p0', 'hung', 4_000)
    expect(hung.overall.step).toBe('open')
    await until('more rounds of the others', () => checker.reports('p49').length >= 10)
    for (let index = 1; index < 50; index += 1) {
      const reports = checker.reports(`p${index}`)
      expect(reports.every(({ overall }) => overall.kind === 'ok' || overall.kind === 'slow')).toBe(true)
      const ticks = reports.map(({ at }) => at)
      for (const [tick, at] of ticks.entries())
        expect(Math.abs(at - (ticks[0] ?? 0) - tick * INTERVAL_MS)).toBeLessThan(250)
    }
    renameSync(victim, `${victim}.fifo`)
    renameSync(`${victim}.away`, victim)
    closeSync(openSync(`${victim}.fifo`, constants.O_WRONLY | constants.O_NONBLOCK))
    await checker.sees('p0', 'ok', 4_000)
  })

  it('takes a further process when more paths hang than it has threads, and stops at once', async () => {
    const directory = temporaryDirectory()
    const fifos = Array.from({ length: 1_300 }, (_, index) => path.join(directory, `fifo${index}`))
    execFileSync('mkfifo', fifos)
    const healthy = path.join(directory, 'healthy')
    writeFileSync(healthy, 'x')
    const hung = fifos.map((at, index) => ({ id: `f${index}`, path: at, probes: all }))
    const checker = await startCheckerProcess({ paths: [{ id: 'p', path: healthy, probes: all }, ...hung] })
    for (const { id } of hung.slice(-3)) await checker.sees(id, 'hung', 20_000)
    const children = childrenOf(checker.pid)
    expect(children.length).toBe(1)
    expect(checker.threads()).toBeLessThan(1_100)
    const before = checker.reports('p').length
    await until('the healthy one to go on', () => checker.reports('p').length >= before + 4)
    expect(checker.reports('p').every(({ overall }) => overall.kind === 'ok')).toBe(true)
    expect(await checker.stop()).toBeLessThan(1_500)
    await until('the further process to end', () => children.every((pid) => !existsSync(`/proc/${pid}`)))
  })

  it('leaves open files and threads where they were after 10,000 failing checks', async () => {
    const directory = temporaryDirectory()
    const paths = Array.from({ length: 2_000 }, (_, index) => ({
      id: `p${index}`,
      path: path.join(directory, `none${index}`),
      probes: all,
    }))
    const checker = await startCheckerProcess({ paths })
    const rounds = (count: number) =>
      until(`${count} rounds`, () => checker.reports('p1999').length >= count, 30_000)
    const files = () => until('no check to be out', () => checker.openFiles() < 60 && checker.openFiles())
    await rounds(1)
    const before = { files: await files(), threads: checker.threads() }
    await rounds(7)
    expect(checker.reports('p0').length).toBeGreaterThanOrEqual(6)
    expect(checker.reports('p1000').every(({ overall }) => overall.kind === 'missing')).toBe(true)
    await until('as few open files as before', () => checker.openFiles() <= before.files + 2)
    expect(checker.threads()).toBe(before.threads)
  })

  it('leaves no probe file for good however often it is killed', async () => {
    const directory = temporaryDirectory()
    const directories = Array.from({ length: 40 }, (_, index) => path.join(directory, `d${index}`))
    for (const one of directories) mkdirSync(one)
    const paths = directories.map((at, index) => ({ id: `p${index}`, path: at, probes: all }))
    const written = () => directories.flatMap(probeFiles)
    const killed: number[] = []
    for (let round = 0; round < 4; round += 1) {
      const checker = await startCheckerProcess({ paths })
      await until('it to write', () => written().some((name) => name.includes(`-${checker.pid}-`)))
      process.kill(checker.pid, 'SIGKILL')
      killed.push(checker.pid)
    }
    const last = await startCheckerProcess({ paths })
    await last.sees('p39', 'ok')
    await until(
      'the files of those that were killed to be gone',
      () => !written().some((name) => killed.some((pid) => name.includes(`-${pid}-`))),
    )
  })

  it('says what is wrong with odd paths, and checks odd names', async () => {
    const directory = temporaryDirectory()
    const newline = path.join(directory, 'two\nlines')
    writeFileSync(newline, 'x')
    const odd = [`${directory}/a\0b`, `/${'x'.repeat(5_000)}`, 'relative/none', newline]
    const checker = await startCheckerProcess({
      paths: odd.map((at, index) => ({ id: `p${index}`, path: at, probes: all })),
    })
    expect((await checker.sees('p0', 'error')).overall.code).toBe('EINVAL')
    expect((await checker.sees('p1', 'error')).overall.code).toBe('ENAMETOOLONG')
    expect((await checker.sees('p2', 'missing')).overall.code).toBe('ENOENT')
    await checker.sees('p3', 'ok')
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

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .filter((word) => word !== '')
    .map(Number)
}
