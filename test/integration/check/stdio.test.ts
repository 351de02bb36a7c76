import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { canMount, mountExt4 } from '../../support/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const command = path.resolve(import.meta.dirname, '../../support/check-cli.ts')

interface StdioProcess {
  child: ChildProcess
  send(text: string | Buffer): void
  lines(): string[]
  /** Begins to read events, where the test did not from the start. */
  readEvents(): void
  err(): string
  says(line: string | RegExp, withinMs?: number): Promise<string>
  /** Exit code or signal, and how long the end took. */
  ended(withinMs?: number): Promise<{ code: number | string; ms: number }>
}

function startCheck(
  options: { words?: string[]; cwd?: string; readsErrors?: boolean; readsEvents?: boolean } = {},
): StdioProcess {
  const child = spawn(process.execPath, [command, 'check', ...(options.words ?? [])], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, LANG: 'C' },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  let out = ''
  let err = ''
  const readEvents = () =>
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString('latin1')
    })
  if (options.readsEvents !== false) readEvents()
  if (options.readsErrors !== false) {
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString('latin1')
    })
  }
  // A process that is asked to end may close its input first.
  child.stdin.on('error', () => undefined)
  const exit = once(child, 'exit')
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = () => out.split('\n').slice(0, -1)
  return {
    child,
    send: (text) => void child.stdin.write(text),
    lines,
    readEvents,
    err: () => err,
    says: (line, withinMs = 10_000) =>
      until(
        `an event ${line} among ${JSON.stringify(lines().slice(-10))}`,
        () => lines().find((said) => (typeof line === 'string' ? said === line : line.test(said))),
        withinMs,
      ),
    ended: async (withinMs = 10_000) => {
      const asked = performance.now()
      const timer = setTimeout(() => child.kill('SIGKILL'), withinMs)
      const [code, signal] = await exit
      clearTimeout(timer)
      return { code: signal ?? code, ms: performance.now() - asked }
    },
  }
}

describe('holdfast check', () => {
  it('answers every row of its table', async () => {
    const directory = temporaryDirectory('stdio')
    writeFileSync(path.join(directory, 'full'), 'x'.repeat(10_000))
    writeFileSync(path.join(directory, 'empty'), '')
    mkdirSync(path.join(directory, 'dir'))
    const check = startCheck({ cwd: directory })
    check.send(
      [
        'start',
        'start P',
        'start P x',
        'start P 0',
        'start P -1',
        'start P 3601',
        'stop P',
        'foo',
        'stop',
        '',
        ' x',
      ]
        .map((line) => `${line}\n`)
        .join(''),
    )
    await check.says(/^foo/)
    check.send('start full 1\r\nstart full 1\nstart empty 1\nstart dir 1\nstart none 1\n')
    await check.says('check none 2 No such file or directory')
    expect(await check.says(/^check full/)).toMatch(/^check full 0 \d+\.\d{6}$/)
    expect(await check.says(/^check empty/)).toMatch(/^check empty 0 \d+\.\d{6}$/)
    expect(await check.says(/^check dir/)).toBe('check dir 22 Invalid argument')
    check.send('stop full\n')
    await check.says(/^stop full 0 stopped$/)
    check.send('stop full\nstart full 1\n')
    await check.says('stop full 2 not monitoring path')
    expect(check.lines().filter((line) => !line.startsWith('check '))).toEqual([
      'start - 22 path is required',
      'start P 22 interval is required',
      'start P 22 invalid interval',
      'start P 22 interval out of range',
      'start P 22 interval out of range',
      'start P 22 interval out of range',
      'stop P 2 not monitoring path',
      'foo - 22 unknown command',
      'stop - 22 path is required',
      '- - 22 command is required',
      '- - 22 command is required',
      'start full 0 started',
      'start full 17 already monitoring path',
      'start empty 0 started',
      'start dir 0 started',
      'start none 0 started',
      'stop full 0 stopped',
      'stop full 2 not monitoring path',
      ...(check.lines().filter((line) => line === 'start full 0 started').length === 2
        ? ['start full 0 started']
        : []),
    ])
    check.child.stdin?.end()
    expect((await check.ended()).code).toBe(0)
  })

  it('follows a file that appears and disappears, on its timetable', async () => {
    const directory = temporaryDirectory('stdio')
    const file = path.join(directory, 'file')
    const check = startCheck()
    check.send(`start ${file} 1\n`)
    await check.says(`check ${file} 2 No such file or directory`)
    writeFileSync(file, 'x')
    await check.says(/ 0 \d\.\d{6}$/, 3_000)
    renameSync(file, `${file}.away`)
    const before = check.lines().length
    await until(
      'it to be missing again',
      () =>
        check
          .lines()
          .slice(before)
          .some((line) => / 2 No such/.test(line)),
      3_000,
    )
  })

  it('answers 200 pipelined double stops', async () => {
    const directory = temporaryDirectory('stdio')
    const files = Array.from({ length: 200 }, (_, index) => path.join(directory, `f${index}`))
    for (const file of files) writeFileSync(file, 'x')
    const check = startCheck()
    check.send(files.map((file) => `start ${file} 3600\n`).join(''))
    await until(
      '200 checks',
      () => check.lines().filter((line) => line.startsWith('check ')).length === 200,
      20_000,
    )
    check.send(files.map((file) => `stop ${file}\nstop ${file}\n`).join(''))
    await until('400 replies', () => check.lines().filter((line) => line.startsWith('stop ')).length === 400)
    expect(check.lines().filter((line) => line.startsWith('stop '))).toEqual(
      files.flatMap((file) => [`stop ${file} 0 stopped`, `stop ${file} 2 not monitoring path`]),
    )
  })

  it('drains 100 replies at the end of input, the last line without its end, and exits 0', async () => {
    const check = startCheck()
    check.send(Array.from({ length: 100 }, (_, index) => `stop /none/${index}`).join('\n'))
    check.child.stdin?.end()
    expect((await check.ended()).code).toBe(0)
    expect(check.lines()).toEqual(
      Array.from({ length: 100 }, (_, index) => `stop /none/${index} 2 not monitoring path`),
    )
  })

  it('drains what a parent reads late: far more replies than a pipe holds, in bounded memory', async () => {
    const check = startCheck({ readsEvents: false })
    const paths = Array.from({ length: 20_000 }, (_, index) => `/none/${'x'.repeat(200)}/${index}`)
    check.send(`${paths.map((at) => `stop ${at}`).join('\n')}\n`)
    check.child.stdin?.end()
    let seen = { bytes: 0, times: 0 }
    await until('it to have written what the pipe holds, and to wait', () => {
      const bytes = Number(/wchar: (\d+)/.exec(readFileSync(`/proc/${check.child.pid}/io`, 'utf8'))?.[1])
      seen = { bytes, times: bytes === seen.bytes ? seen.times + 1 : 0 }
      return bytes > 100_000 && seen.times >= 10
    })
    // Nor does it take commands for which it has no room.
    expect(check.child.stdin?.writableFinished).toBe(false)
    check.readEvents()
    expect((await check.ended(20_000)).code).toBe(0)
    expect(check.lines()).toEqual(paths.map((at) => `stop ${at} 2 not monitoring path`))
  })

  it('ends within moments of the end of input with a read hung in the kernel', async () => {
    const fifo = path.join(temporaryDirectory('stdio'), 'fifo')
    execFileSync('mkfifo', [fifo])
    const check = startCheck()
    check.send(`start ${fifo} 1\nstop ${fifo}\n`)
    await check.says(`stop ${fifo} 115 stopping in progress`)
    check.child.stdin?.end()
    const { code, ms } = await check.ended()
    expect(code).toBe(0)
    expect(ms).toBeLessThan(3_000)
  })

  it('refuses a line of 70 kB and goes on', async () => {
    const check = startCheck()
    check.send(`start /${'x'.repeat(70_000)} 10\nfoo\n`)
    await check.says('foo - 22 unknown command')
    expect(check.lines()).toEqual(['- - 22 line too long', 'foo - 22 unknown command'])
  })

  it('says what is wrong with odd paths, and checks odd names', async () => {
    const directory = temporaryDirectory('stdio')
    const bytes = Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0xff, 0xc3, 0x28])])
    writeFileSync(bytes, 'x')
    writeFileSync(path.join(directory, 'a b\nc'), 'x')
    const plain = startCheck()
    plain.send(Buffer.concat([Buffer.from('start '), bytes, Buffer.from(' 10\n')]))
    expect(await plain.says(/^check /)).toMatch(/\/\xff\xc3\( 0 \d\.\d{6}$/)
    plain.send(`start /${'x'.repeat(5_000)} 10\nstart a\0b 10\nstop /a b\n`)
    await plain.says(/^check \/x+ 36 File name too long$/)
    await plain.says('start - 22 invalid path')
    await plain.says('stop /a 22 unexpected argument')
    const quoted = startCheck({ words: ['--quoted'] })
    quoted.send(`start "${directory}/a b\\nc" 10\n`)
    expect(await quoted.says(/^check /)).toMatch(/^check ".*\/a b\\nc" 0 \d\.\d{6}$/)
  })

  it('with --timeout tells a hang once, and the healthy path keeps its timetable meanwhile', async () => {
    const directory = temporaryDirectory('stdio')
    const fifos = Array.from({ length: 20 }, (_, index) => path.join(directory, `fifo${index}`))
    execFileSync('mkfifo', fifos)
    const file = path.join(directory, 'file')
    writeFileSync(file, 'x')
    const check = startCheck({ words: ['--timeout', '0.5'] })
    check.send(`${fifos.map((fifo) => `start ${fifo} 1\n`).join('')}start ${file} 1\n`)
    const wells = () => check.lines().filter((line) => line.startsWith(`check ${file} 0 `)).length
    await until('four checks of the healthy file', () => wells() >= 4)
    for (const fifo of fifos) {
      expect(check.lines().filter((line) => line.startsWith(`check ${fifo} `))).toEqual([
        `check ${fifo} 110 Connection timed out`,
      ])
    }
  })

  it('isolates a steady file that begins to hang; the others keep their timetable, and it is taken back', async () => {
    const directory = temporaryDirectory('stdio')
    const files = Array.from({ length: 30 }, (_, index) => path.join(directory, `file${index}`))
    for (const file of files) writeFileSync(file, 'x')
    const [victim = '', other = ''] = files
    const check = startCheck({ words: ['--timeout', '0.6'] })
    check.send(files.map((file) => `start ${file} 1\n`).join(''))
    const wells = (file: string) => check.lines().filter((line) => line.startsWith(`check ${file} 0 `)).length
    await until('it to be steady', () => wells(victim) >= 3)
    execFileSync('mkfifo', [`${victim}.fifo`])
    renameSync(victim, `${victim}.away`)
    renameSync(`${victim}.fifo`, victim)
    await check.says(`check ${victim} 110 Connection timed out`, 3_000)
    const before = wells(other)
    await until('three more rounds', () => wells(other) >= before + 3)
    expect(check.lines().filter((line) => / 110 /.test(line)).length).toBe(1)
    renameSync(victim, `${victim}.fifo`)
    renameSync(`${victim}.away`, victim)
    closeSync(openSync(`${victim}.fifo`, constants.O_WRONLY | constants.O_NONBLOCK))
    const late = wells(victim)
    await until('it to be well again', () => wells(victim) > late)
  })

  it('starts and stops many paths again and again without remembering them', async () => {
    const directory = temporaryDirectory('stdio')
    const file = path.join(directory, 'file')
    writeFileSync(file, 'x')
    const check = startCheck()
    for (let round = 1; round <= 20; round += 1) {
      const at = `${directory}/${'./'.repeat(round)}file`
      check.send(`start ${at} 1\n`)
      await until('its check', () => check.lines().some((line) => line.startsWith(`check ${at} 0 `)))
      check.send(`stop ${at}\n`)
      await check.says(`stop ${at} 0 stopped`)
    }
    expect(check.lines().length).toBe(60)
  })

  it('keeps one prober for many healthy paths, and takes another when a thousand hang', async () => {
    const directory = temporaryDirectory('stdio')
    const fifos = Array.from({ length: 1_050 }, (_, index) => path.join(directory, `fifo${index}`))
    execFileSync('mkfifo', fifos)
    const files = Array.from({ length: 1_200 }, (_, index) => path.join(directory, `file${index}`))
    for (const file of files) writeFileSync(file, 'x')
    const check = startCheck()
    const wells = () => check.lines().filter((line) => / 0 \d+\.\d{6}$/.test(line)).length
    check.send(files.map((file) => `start ${file} 1\n`).join(''))
    await until('two rounds', () => wells() >= 2 * files.length, 20_000)
    expect(childrenOf(check.child.pid ?? 0).length).toBe(1)
    check.send(
      files
        .slice(10)
        .map((file) => `stop ${file}\n`)
        .join(''),
    )
    check.send(fifos.map((fifo) => `start ${fifo} 1\n`).join(''))
    await until('a second prober', () => childrenOf(check.child.pid ?? 0).length === 2)
    const before = wells()
    await until('three more rounds of the ten that are healthy', () => wells() >= before + 30)
    expect(childrenOf(check.child.pid ?? 0).length).toBe(2)
    check.child.kill('SIGTERM')
    expect((await check.ended()).ms).toBeLessThan(2_000)
  })

  it('goes on when nobody reads its log', async () => {
    const directory = temporaryDirectory('stdio')
    const check = startCheck({ readsErrors: false })
    // Each of these paths is warned of once, as /proc takes no O_DIRECT; together far more than a pipe holds.
    const paths = Array.from({ length: 600 }, (_, index) => `/proc/self/${'./'.repeat(200 + index)}stat`)
    check.send(paths.map((at) => `start ${at} 3600\n`).join(''))
    await until(
      'every check',
      () => check.lines().filter((line) => / 0 \d\.\d{6}$/.test(line)).length === 600,
      20_000,
    )
    check.send(`start ${directory}/none 3600\n`)
    await check.says(`check ${directory}/none 2 No such file or directory`)
  })

  it('says once on its log that a file system takes no direct reads', async () => {
    const check = startCheck()
    check.send('start /proc/self/stat 1\n')
    await until('two checks', () => check.lines().filter((line) => line.startsWith('check ')).length >= 2)
    expect(check.err().match(/^WARNING \/proc\/self\/stat: .*O_DIRECT/gm)?.length).toBe(1)
  })

  it('starts its prober anew when that ends, and the reads that were out are done', async () => {
    const directory = temporaryDirectory('stdio')
    const file = path.join(directory, 'file')
    writeFileSync(file, 'x')
    const check = startCheck()
    check.send(`start ${file} 1\n`)
    await check.says(/^check /)
    const [prober] = childrenOf(check.child.pid ?? 0)
    process.kill(prober ?? expect.fail('no prober'), 'SIGKILL')
    const before = check.lines().length
    await until('checks to go on', () => check.lines().length > before + 1)
    await until('the log to say so', () => /^ERROR .*SIGKILL/m.test(check.err()))
  })

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends at once on %s with paths hung in open, and its prober too',
    async (signal) => {
      const fifo = path.join(temporaryDirectory('stdio'), 'fifo')
      execFileSync('mkfifo', [fifo])
      const check = startCheck()
      check.send(`start ${fifo} 1\n`)
      await check.says(`start ${fifo} 0 started`)
      const [prober = 0] = await until('the prober', () => {
        const children = childrenOf(check.child.pid ?? 0)
        return children.length > 0 && children
      })
      check.child.kill(signal)
      const { code, ms } = await check.ended()
      expect(code).toBe(0)
      expect(ms).toBeLessThan(1_000)
      await until('the prober to end', () => !isAlive(prober))
    },
  )

  it('takes its prober with it when it is killed', async () => {
    const fifo = path.join(temporaryDirectory('stdio'), 'fifo')
    execFileSync('mkfifo', [fifo])
    const check = startCheck()
    check.send(`start ${fifo} 1\nstart /none 1\n`)
    await check.says(/^check \/none/)
    const [prober = 0] = childrenOf(check.child.pid ?? 0)
    check.child.kill('SIGKILL')
    await until('the prober to end', () => !isAlive(prober))
  })

  it('refuses wrong options', async () => {
    const check = startCheck({ words: ['--timeout', 'soon'] })
    expect((await check.ended()).code).not.toBe(0)
    expect(check.err()).toContain('seconds')
  })
})

describe.skipIf(!canMount)('holdfast check on a frozen file system (mounting needs root)', () => {
  it('reads on, and ends at once on SIGTERM while its prober is stuck in the kernel', async () => {
    const disk = await mountExt4(onTestFinished)
    const file = path.join(disk.point, 'file')
    writeFileSync(file, 'x')
    const check = startCheck()
    check.send(`start ${file} 1\n`)
    await check.says(/ 0 \d\.\d{6}$/)
    try {
      await disk.freeze()
      const before = check.lines().length
      await until('two more checks', () => check.lines().length >= before + 2)
      // A prober that writes there is stuck in D state, and holds nothing that keeps the command from ending.
      const probe = spawn(process.execPath, [command, 'probe', '--timeout', '1', disk.point], {
        stdio: 'pipe',
      })
      onTestFinished(() => void probe.kill('SIGKILL'))
      const started = performance.now()
      const [code] = await once(probe, 'close')
      expect(code).toBe(1)
      expect(performance.now() - started).toBeLessThan(4_000)
      check.child.kill('SIGTERM')
      const { code: checkCode, ms } = await check.ended()
      expect(checkCode).toBe(0)
      expect(ms).toBeLessThan(1_000)
    } finally {
      await disk.thaw()
    }
  })
})

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && statOf(Number(name))?.parent === pid)
    .map(Number)
}

/** A corpse that nobody has taken away yet does not count as alive. */
function isAlive(pid: number): boolean {
  return !['Z', 'X', undefined].includes(statOf(pid)?.state)
}

/** State and parent of a process, see proc_pid_stat(5); null if there is none. */
function statOf(pid: number): { state: string | undefined; parent: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state, parent: Number(parent) }
  } catch {
    return null
  }
}
