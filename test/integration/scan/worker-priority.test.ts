// @module-tag story
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { mayRaisePriority } from '../../support/scan/priority.ts'
import { setUp, watching } from '../../support/scan/set-up.ts'
import { until } from '../../support/until.ts'

/** By thread, as nice(2) counts: the 19th field of proc_pid_stat(5). */
function readPriorities(pid: number): Map<number, number> {
  const threads = readdirSync(`/proc/${pid}/task`)
  return new Map(
    threads.map((thread) => {
      const afterName = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8').split(') ').at(-1) ?? ''
      return [Number(thread), Number(afterName.split(' ')[16])]
    }),
  )
}

describe.skipIf(!mayRaisePriority())('priority of the scanner process (needs CAP_SYS_NICE)', () => {
  test('the main thread gets a raised priority once its source is watched, while other threads keep the normal one', async () => {
    const { root, scanner, configure, paths } = setUp()
    writeFileSync(path.join(root, 'one'), 'one')
    configure()
    await watching(scanner)
    await until('the file is offered', () => paths().length === 1)
    await until(
      'its main thread is before others',
      () => readPriorities(scanner.pid).get(scanner.pid) === -10,
    )
    // V8's own threads are older than the first line of ours.
    expect([...readPriorities(scanner.pid).values()]).toContain(0)
  })

  test('a priority given at the start is kept', async () => {
    const nice = { execPath: 'nice', execArgv: ['-n', '4', process.execPath] }
    const { scanner, configure } = setUp({}, nice)
    configure()
    await watching(scanner)
    expect(new Set(readPriorities(scanner.pid).values())).toEqual(new Set([4]))
  })
})
