import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isAlive, listChildren, startCheck } from '../../support/check/stdio.ts'
import { commandScript } from '../../support/cli/command-script.ts'
import { canMount, mountExt4 } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** Lets a reader's open() return. It is opened twice: the first one is refused for its O_DIRECT, once it returns. */
function letGo(fifo: string): void {
  const file = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK)
  writeSync(file, 'x')
  onTestFinished(() => closeSync(file))
}

describe('`holdfast check --pipe` with hanging paths and ending processes', () => {
  it('--timeout reports each hang once while a healthy path is checked four times', async () => {
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

  it('a file that starts to hang is reported once and recovers while other files are checked', async () => {
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
    await check.says(`check ${victim} 110 Connection timed out`)
    const before = wells(other)
    await until('three more rounds', () => wells(other) >= before + 3)
    expect(check.lines().filter((line) => / 110 /.test(line)).length).toBe(1)
    renameSync(victim, `${victim}.fifo`)
    renameSync(`${victim}.away`, victim)
    closeSync(openSync(`${victim}.fifo`, constants.O_WRONLY | constants.O_NONBLOCK))
    const late = wells(victim)
    await until('it to be well again', () => wells(victim) > late)
  })

  it('twenty paths started and stopped in turn produce three lines each and no more', async () => {
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

  it('hanging paths on all threads cause error 11 elsewhere until some are freed; SIGTERM ends the command while the rest hang', async () => {
    const directory = temporaryDirectory('stdio')
    const fifos = Array.from({ length: 480 }, (_, index) => path.join(directory, `fifo${index}`))
    execFileSync('mkfifo', fifos)
    const files = Array.from({ length: 1_200 }, (_, index) => path.join(directory, `file${index}`))
    for (const file of files) writeFileSync(file, 'x')
    const check = startCheck()
    const countLines = (words: RegExp) => check.lines().filter((line) => words.test(line)).length
    const wells = () => countLines(/ 0 \d+\.\d{6}$/)
    check.send([...fifos, ...files].map((file) => `start ${file} 1\n`).join(''))
    await until('two rounds', () => wells() >= 2 * files.length)
    const more = Array.from({ length: 100 }, (_, index) => path.join(directory, `more${index}`))
    execFileSync('mkfifo', more)
    check.send(more.map((file) => `start ${file} 1\n`).join(''))
    await until(
      'no thread to be left',
      () => countLines(/ 11 Resource temporarily unavailable$/) >= files.length,
    )
    expect(listChildren(check.child.pid ?? 0).length).toBe(1)
    expect(check.err()).toMatch(/^WARNING .* was not checked: other checks that hang/m)
    const before = wells()
    const freed = fifos.slice(0, 200)
    check.send(freed.map((fifo) => `stop ${fifo}\n`).join(''))
    await until('them to be stopped', () => countLines(/ 115 stopping in progress$/) === freed.length)
    for (const fifo of freed) letGo(fifo)
    await until('three more rounds', () => wells() >= before + 3 * files.length)
    check.child.kill('SIGTERM')
    expect((await check.ended()).code).toBe(0)
  })

  it('an unread log does not block the checks', { tags: 'story' }, async () => {
    const directory = temporaryDirectory('stdio')
    const check = startCheck({ readsErrors: false })
    // Each of these paths is warned of once, as /proc takes no O_DIRECT; together far more than a pipe holds.
    const paths = Array.from({ length: 600 }, (_, index) => `/proc/self/${'./'.repeat(200 + index)}stat`)
    check.send(paths.map((at) => `start ${at} 3600\n`).join(''))
    await until(
      'every check',
      () => check.lines().filter((line) => / 0 \d\.\d{6}$/.test(line)).length === 600,
    )
    check.send(`start ${directory}/none 3600\n`)
    await check.says(`check ${directory}/none 2 No such file or directory`)
    check.child.stdin?.end()
    expect(await check.ended()).toMatchObject({ code: 0 })
  })

  it('a file system without direct reads is logged once', async () => {
    const check = startCheck()
    check.send('start /proc/self/stat 1\n')
    await until('two checks', () => check.lines().filter((line) => line.startsWith('check ')).length >= 2)
    expect(check.err().match(/^WARNING \/proc\/self\/stat: .*O_DIRECT/gm)?.length).toBe(1)
  })

  it('a killed reader process ends the command with exit code 137', async () => {
    const check = startCheck()
    check.send('start /none 1\n')
    await check.says(/^check \/none/)
    const [reader] = listChildren(check.child.pid ?? 0)
    process.kill(reader ?? expect.fail('no process'), 'SIGKILL')
    expect((await check.ended()).code).toBe(137)
  })

  it.each([
    ['SIGTERM', 0],
    ['SIGINT', 0],
    ['SIGHUP', 129],
  ] as const)(
    '%s ends the command and its reader process while a path hangs in open',
    async (signal, code) => {
      const fifo = path.join(temporaryDirectory('stdio'), 'fifo')
      execFileSync('mkfifo', [fifo])
      const check = startCheck()
      check.send(`start ${fifo} 1\n`)
      await check.says(`start ${fifo} 0 started`)
      const [reader = 0] = await until('the process that reads', () => {
        const children = listChildren(check.child.pid ?? 0)
        return children.length > 0 && children
      })
      check.child.kill(signal)
      expect((await check.ended()).code).toBe(code)
      await until('the process that reads to end', () => !isAlive(reader))
    },
  )

  it.each(['check', 'probe'])('the end of %s is passed to the shell that the caller waits for', (name) => {
    const shell = 'trap "exit 5" USR1; HOLDFAST_LAUNCHER=$$ HOLDFAST_GUARD=$$ "$@" & wait $!'
    const words = ['-c', shell, 'sh', process.execPath, commandScript, name, '--pipe']
    expect(spawnSync('/bin/sh', words).status).toBe(5)
  })

  it('the end by SIGHUP is passed to that shell too', async () => {
    const shell = `exec 3<&0; trap "exit 5" USR1; HOLDFAST_LAUNCHER=$$ HOLDFAST_GUARD=$$ "$@" <&3 &
      trap "kill -HUP $!" HUP; wait $!; wait $!`
    const words = ['-c', shell, 'sh', process.execPath, commandScript, 'check', '--pipe']
    const child = spawn('/bin/sh', words)
    onTestFinished(() => void child.kill('SIGKILL'))
    child.stdin.write('start /none 1\n')
    await once(child.stdout, 'data')
    child.kill('SIGHUP')
    expect(await once(child, 'exit')).toEqual([5, null])
  })

  it('the command ends with the launcher of the shell', async () => {
    const launcher = spawn('sleep', ['1000'])
    const check = startCheck({ env: { HOLDFAST_LAUNCHER: String(launcher.pid) } })
    check.send('start /none 1\n')
    await check.says(/^check \/none/)
    launcher.kill()
    expect((await check.ended()).code).toBe(0)
  })

  it('the reader process ends when the command is killed', async () => {
    const fifo = path.join(temporaryDirectory('stdio'), 'fifo')
    execFileSync('mkfifo', [fifo])
    const check = startCheck()
    check.send(`start ${fifo} 1\nstart /none 1\n`)
    await check.says(/^check \/none/)
    const [reader = 0] = listChildren(check.child.pid ?? 0)
    check.child.kill('SIGKILL')
    await until('the process that reads to end', () => !isAlive(reader))
  })

  it('an invalid --timeout is rejected', async () => {
    const check = startCheck({ words: ['--timeout', 'soon'] })
    expect((await check.ended()).code).not.toBe(0)
    expect(check.err()).toContain('It must be a time')
  })
})

describe.skipIf(!canMount)('`holdfast check --pipe` on a frozen file system (mounting needs root)', () => {
  it('checks continue, and SIGTERM ends the command before the thaw', { tags: 'story' }, async () => {
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
      // A process that writes there is stuck in D state, and holds nothing that keeps the command from ending.
      const probe = spawn(process.execPath, [commandScript, 'check', '--timeout', '1', disk.point], {
        stdio: 'pipe',
      })
      onTestFinished(() => void probe.kill('SIGKILL'))
      await until('that process to end', () => probe.exitCode !== null)
      expect(probe.exitCode).toBe(1)
      check.child.kill('SIGTERM')
      expect((await check.ended()).code).toBe(0)
    } finally {
      await disk.thaw()
    }
  })
})
