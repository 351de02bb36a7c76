import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { listChildren, startCheck } from '../../support/check/stdio.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

describe('`holdfast check --pipe`', () => {
  it('each command gets the documented reply', { tags: 'story' }, async () => {
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

  it('a file that appears and disappears is reported on schedule', async () => {
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

  it('200 pipelined pairs of stop commands are all answered in order', async () => {
    const directory = temporaryDirectory('stdio')
    const files = Array.from({ length: 200 }, (_, index) => path.join(directory, `f${index}`))
    for (const file of files) writeFileSync(file, 'x')
    const check = startCheck()
    check.send(files.map((file) => `start ${file} 3600\n`).join(''))
    await until('200 checks', () => check.lines().filter((line) => line.startsWith('check ')).length === 200)
    check.send(files.map((file) => `stop ${file}\nstop ${file}\n`).join(''))
    await until('400 replies', () => check.lines().filter((line) => line.startsWith('stop ')).length === 400)
    expect(check.lines().filter((line) => line.startsWith('stop '))).toEqual(
      files.flatMap((file) => [`stop ${file} 0 stopped`, `stop ${file} 2 not monitoring path`]),
    )
  })

  it('a started path is checked at once, even if the input ends right after the command', async () => {
    const file = path.join(temporaryDirectory('stdio'), 'file')
    writeFileSync(file, 'x')
    const check = startCheck()
    check.send(`start ${file} 2\n`)
    check.child.stdin?.end()
    expect((await check.ended()).code).toBe(0)
    expect(check.lines()[1]).toMatch(/^check .*file 0 \d\.\d{6}$/)
  })

  it('100 replies are written after the end of input, including an unterminated last line, and the exit code is 0', async () => {
    const check = startCheck()
    check.send(Array.from({ length: 100 }, (_, index) => `stop /none/${index}`).join('\n'))
    check.child.stdin?.end()
    expect((await check.ended()).code).toBe(0)
    expect(check.lines()).toEqual(
      Array.from({ length: 100 }, (_, index) => `stop /none/${index} 2 not monitoring path`),
    )
  })

  it('20,000 replies to a late reader all arrive, and further input waits meanwhile', async () => {
    const check = startCheck({ readsEvents: false })
    const paths = Array.from({ length: 20_000 }, (_, index) => `/none/${'x'.repeat(200)}/${index}`)
    check.send(`${paths.map((at) => `stop ${at}`).join('\n')}\n`)
    check.child.stdin?.end()
    const reader = await until('the reader', () => listChildren(check.child.pid ?? 0)[0])
    let seen = { bytes: 0, times: 0 }
    await until('it to have written what the pipe holds, and to wait', () => {
      const bytes = Number(/wchar: (\d+)/.exec(readFileSync(`/proc/${reader}/io`, 'utf8'))?.[1])
      seen = { bytes, times: bytes === seen.bytes ? seen.times + 1 : 0 }
      return bytes > 100_000 && seen.times >= 10
    })
    // Nor does it take commands for which it has no room.
    expect(check.child.stdin?.writableFinished).toBe(false)
    check.readEvents()
    expect((await check.ended()).code).toBe(0)
    expect(check.lines()).toEqual(paths.map((at) => `stop ${at} 2 not monitoring path`))
  })

  it('the end of input ends the command while a read hangs in the kernel', async () => {
    const fifo = path.join(temporaryDirectory('stdio'), 'fifo')
    execFileSync('mkfifo', [fifo])
    const check = startCheck()
    check.send(`start ${fifo} 1\nstop ${fifo}\n`)
    await check.says(`stop ${fifo} 115 stopping in progress`)
    check.child.stdin?.end()
    expect((await check.ended()).code).toBe(0)
  })

  it('a line of 70 kB is rejected and the next line is answered', { tags: 'story' }, async () => {
    const check = startCheck()
    check.send(`start /${'x'.repeat(70_000)} 10\nfoo\n`)
    await check.says('foo - 22 unknown command')
    expect(check.lines()).toEqual(['- - 22 line too long', 'foo - 22 unknown command'])
  })

  it('invalid paths get an error reply, and odd names are checked', async () => {
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
})
