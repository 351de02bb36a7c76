import { execFileSync, fork, spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { canMount, mountBind, mountExt4, mountPointsBelow, mountTmpfs } from '../../support/faults/mounts.ts'
import { until } from '../../support/until.ts'

const catchCode = (act: () => unknown) => {
  try {
    act()
    return null
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  }
}

describe.skipIf(!canMount)('test file systems with real faults (needs root)', () => {
  test('an aborted ext4 refuses writes, still reads, and is writable after a fresh mount', async () => {
    const disk = await mountExt4(onTestFinished)
    const file = path.join(disk.point, 'file')
    writeFileSync(file, 'before')
    execFileSync('sync', ['-f', file])
    await disk.remountAbort()
    expect(catchCode(() => writeFileSync(`${file}2`, 'x'))).toBe('EROFS')
    expect(readFileSync(file, 'utf8')).toBe('before')
    await disk.remountFresh()
    expect(readFileSync(file, 'utf8')).toBe('before')
    writeFileSync(file, 'after')
  })

  test('a frozen ext4 blocks a writer until it is thawed', async () => {
    const disk = await mountExt4(onTestFinished)
    const file = path.join(disk.point, 'file')
    await disk.freeze()
    const writer = spawn('sh', ['-c', `echo written > ${file}`])
    const ended = new Promise((resolve) => writer.once('exit', resolve))
    await until('the writer in D state', () => / D /.test(readFileSync(`/proc/${writer.pid}/stat`, 'utf8')))
    expect(writer.exitCode).toBeNull()
    await disk.thaw()
    await ended
    expect(readFileSync(file, 'utf8')).toBe('written\n')
  })

  test('a tmpfs fills up, is unmounted and mounted again; a bind mount goes read-only alone', async () => {
    const small = await mountTmpfs(onTestFinished, { megabytes: 1 })
    expect(catchCode(() => writeFileSync(path.join(small.point, 'big'), Buffer.alloc(2 << 20)))).toBe(
      'ENOSPC',
    )
    const view = await mountBind(onTestFinished, small.point)
    await view.remount('bind,ro')
    expect(catchCode(() => writeFileSync(path.join(view.point, 'x'), ''))).toBe('EROFS')
    writeFileSync(path.join(small.point, 'y'), '')
    await view.unmount()
    await small.unmount()
    expect(existsSync(path.join(small.point, 'y'))).toBe(false)
    await small.mountAgain()
    writeFileSync(path.join(small.point, 'z'), '')
  })

  test('a mount that a killed test left frozen is thawed and unmounted before the next mount', async () => {
    const killed = fork(path.join(import.meta.dirname, 'leave-frozen.ts'), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const point = await new Promise<string>((resolve, reject) => {
      killed.once('message', (text) => resolve(String(text)))
      killed.once('exit', (code) => reject(new Error(`ended with ${code} before it had frozen anything`)))
    })
    killed.kill('SIGKILL')
    await new Promise((resolve) => killed.once('exit', resolve))
    expect(mountPointsBelow(path.dirname(point))).toEqual([point])
    await mountTmpfs(onTestFinished)
    expect(mountPointsBelow(path.dirname(point))).toEqual([])
    expect(existsSync(path.dirname(point))).toBe(false)
  })
})
